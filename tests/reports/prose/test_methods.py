"""The Methods paragraph agrees with the records in the results."""

from __future__ import annotations

import pytest

from medkt_reports.language import references
from medkt_reports.lookup import Lookup
from medkt_reports.prose import methods


def paragraph(result, **settings):
    changed = result.settings.model_copy(update=settings)
    return methods.methods_paragraph(Lookup(result.model_copy(update={"settings": changed})))


def with_primary_analysis(result):
    rows = [c.model_copy(update={"test": "obuchowski-rockette", "scope": "seeds+patients"}) for c in result.comparisons]
    return result.model_copy(update={"comparisons": rows})


def test_it_names_estimand_unit_and_what_was_fixed(result):
    text = paragraph(result)
    for said in (
        "3 arms of 3 seeds each on Phantom chest, 200 training images (tested on 600 images of 300 patients)",
        "The estimand is an arm's expected metric over training seeds and over patients like those tested",
        "the mean over its seeds of the metric of each seed's model",
        "The image was the unit of the metric, the patient the unit of sampling.",
        "All runs of a training set had the same training images.",
        "All runs of a training set used the same validation images.",
        "Each arm's teacher was one trained network, held fixed.",
        "adjusted by Holm (Holm 1979) within families of data set, training size, metric",
        "adjusted by Benjamini–Hochberg (Benjamini and Hochberg 1995) within each comparison only",
        "No margin was given, so equivalence was not tested.",
        "the analysis is exploratory",
        "SYNTHETIC: Phantom chest",
        "medkt 0.1.0 (Python 3.11.2; numpy 2.0.0)",
    ):
        assert said in text


def test_independent_images_are_said_to_be_declared(result):
    text = paragraph(result, independent_images=True)
    assert "each image being declared to be of another patient" in text
    assert "patient the unit of sampling" not in text


def test_independent_images_have_no_patient_bootstrap_and_no_clusters(result):
    rows = [c.model_copy(update={"test": "delong-clustered", "scope": "images"}) for c in result.comparisons]
    interval = "patients:bootstrap-percentile"
    estimates = [e.model_copy(update={"interval": interval}) for e in result.estimates if e.interval == "seeds:t"]
    changed = result.model_copy(update={"comparisons": rows, "estimates": estimates})
    text = paragraph(changed, independent_images=True, replicates=200)
    assert "The bootstrap drew 200 replicates of images" in text
    assert "bootstrap, percentile" in text
    assert "patient bootstrap" not in text
    assert "clustered" not in text
    assert "DeLong (DeLong et al. 1988" in text
    of_patients = [c.model_copy(update={"scope": "patients"}) for c in rows]
    assert "clustered DeLong" in paragraph(result.model_copy(update={"comparisons": of_patients}))


def test_only_an_analysis_that_was_made_is_described(result):
    text = paragraph(result)
    assert "Obuchowski" not in text
    assert "Seeds were treated as nested in arms." in text
    text = paragraph(with_primary_analysis(result))
    assert "(Obuchowski and Rockette 1995; Hillis 2007, 2014). Seeds were taken as nested in arms" in text
    assert "Welch" not in text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"seeds": "crossed"}, "Seeds were taken as crossed with arms, as the study declares"),
        ({"degrees_of_freedom": "hillis"}, "Degrees of freedom are Hillis's"),
        ({"margin": 0.02}, "The margin of equivalence was ±2 points. No comparison could be tested against it."),
        ({"threshold_rule": "youden"}, "each run and label (largest sensitivity + specificity) and applied as score ≥"),
        ({"threshold_rule": "fixed=0.5"}, "Thresholds were fixed at 0.5 for every label and applied as score ≥"),
        (
            {"thresholds": "refit"},
            "They were chosen again in each bootstrap replicate, on resampled validation patients",
        ),
        ({"labels_defined": "defined"}, "An average leaves out labels without a value."),
        (
            {"confirmatory_labels": ["Edema"]},
            "Results for Edema, which the study file names as confirmatory, were adjusted by",
        ),
    ],
)
def test_each_setting_has_its_words(result, settings, said):
    assert said in paragraph(with_primary_analysis(result), **settings)
    assert said not in paragraph(with_primary_analysis(result))


def test_the_bootstrap_accounts_for_what_was_undefined(result):
    assert "bootstrap" not in paragraph(result)
    estimates = [e.model_copy(update={"undefined_replicates": 0}) for e in result.estimates]
    clean = result.model_copy(update={"estimates": estimates})
    text = paragraph(clean, replicates=2000)
    assert "2,000 replicates of patients, all images of a patient together, one draw for all arms and labels;" in text
    assert "labels; none of them was undefined." in text
    assert "patient together, in strata of the rarest" in paragraph(clean, replicates=2000, resample="stratified")
    # 20 of 2,000 are 1 %: allowed; 21 are more
    some = [e.model_copy(update={"undefined_replicates": n}) for e, n in zip(estimates, (20, 21, 300), strict=False)]
    text = paragraph(result.model_copy(update={"estimates": [*some, *estimates[3:]]}), replicates=2000)
    assert "at most 300 of them left a metric undefined, and where that was more than 1 % (2 intervals) no" in text


def test_tuning_is_counted_and_its_seeds_are_named(result):
    def tuned(same):
        changes = {"settings_tried": 7, "selected_on_these_seeds": same}
        arms = [arm.model_copy(update=changes if arm.arm == "chest-at" else {}) for arm in result.arms]
        return paragraph(result.model_copy(update={"arms": arms}))

    text = tuned(False)
    assert "Tuned settings were the best of 7 by their mean validation metric." in text
    assert "retrained with fresh seeds after the choice." in text
    assert "on the very seeds that are compared" in tuned(True)
    assert "Tuned" not in paragraph(result)


def test_references_are_of_what_is_cited_and_no_other(result):
    text = paragraph(with_primary_analysis(result))
    found = references.references(text)
    assert [one.split()[0] for one in found] == ["Benjamini", "Hillis", "Hillis", "Holm", "Obuchowski"]
    assert references.references("nothing") == []


def test_every_citation_has_its_reference():
    cited = {one for citation in methods._CITED.values() for one in citation.split("; ")}
    assert all(references.references(one) for one in cited)
