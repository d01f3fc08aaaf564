r"""LaTeX of labels: what people write is allowed; what reads, writes, defines or breaks the table is not."""

import json

import pytest

from medkt_eval.errors import InputError
from medkt_eval.evaluation import evaluate
from medkt_eval.results.label_latex import check_latex
from medkt_eval.results.schema import EvaluationResult
from medkt_eval.study.declaration import read_declaration


@pytest.mark.parametrize(
    "text",
    [
        "Edema",
        r"\emph{Edema}",
        r"M\'eni\`ere, \c{c}a, na\"{\i}ve, \o re",
        r"$\beta_2$-agonist, $x^{2}$, 50\,\% \& more",
        r"\textbf{a \textit{b {c}}}",
        "Ödem ß ~ 胸水",
        r"\{ \} \$ \_ \#",
        r"$\geq 3$ cm -- \ldots",
    ],
)
def test_text_accents_and_formulas_are_allowed(text):
    assert check_latex(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"\input{/etc/passwd}", r"holds \\input, which is not allowed"),
        (r"\@@input x", r"holds \\@, which is not allowed"),
        (r"\write18{id}", r"holds \\write, which is not allowed"),
        (r"\immediate\write18{id}", r"holds \\immediate"),
        (r"\catcode`\{=12", r"holds \\catcode"),
        (r"\csname input\endcsname{x}", r"holds \\csname"),
        (r"\def\x{}", r"holds \\def"),
        (r"\emph{\input{x}}", r"holds \\input"),
        (r"$\openin$", r"holds \\openin"),
        ("^^5cinput{x}", r"holds '\^' outside a formula, or twice"),
        ("$^^5cinput{x}$", r"holds '\^' outside a formula, or twice"),
        ("a & b", "holds '&'"),
        ("a % b", "holds '%'"),
        ("#1", "holds '#'"),
        (r"a \\ b", r"holds \\\\, which is not allowed"),
        ("a\nb", r"holds '\\n'"),
        ("{a", "has a brace that is not closed"),
        ("a}", "closes a brace that is not open"),
        ("}{", "closes a brace that is not open"),
        ("$a", "has a formula that is not closed"),
        ("{$a}$", "closes a brace that is not open"),
        ("${a$}", "has a brace that is open at the end of a formula"),
        ("$$a$$", r"holds '\$\$'"),
        (r"\emph", r"holds \\emph without {\.\.\.} after it"),
        ("a_b", "holds '_' outside a formula"),
        ("x" * 501, "has 501 characters; expected at most 500"),
    ],
)
def test_the_rest_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        check_latex(text)


def test_it_is_checked_in_a_study_file_in_study_json_and_in_results_json(two_arms, tmp_path):
    study = tmp_path / "study.toml"
    study.write_text("[analysis]\nlabel_latex = { Edema = '\\input{secret}' }\n")
    with pytest.raises(InputError, match=r"study\.toml: \[analysis\]: label_latex\.Edema.*\\input"):
        read_declaration(None, study)
    recorded = {"analysis": {"label_latex": {"Edema": r"\input{secret}"}}}
    (two_arms / "study.json").write_text(json.dumps(recorded))
    with pytest.raises(InputError, match=r"study\.json: .*label_latex\.Edema.*\\input"):
        read_declaration(two_arms, None)
    (two_arms / "study.json").unlink()
    table = json.loads(evaluate(two_arms, replicates=0).text())
    table["settings"]["label_latex"] = {"Edema": r"\input{secret}"}
    path = tmp_path / "results.json"
    path.write_text(json.dumps(table))
    with pytest.raises(
        InputError, match=r"results\.json: settings\.label_latex\.Edema: .*\\input, which is not allowed"
    ):
        EvaluationResult.read(path)
