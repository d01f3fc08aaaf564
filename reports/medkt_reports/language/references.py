"""The papers that the Methods paragraph cites.

In: the paragraph. Out: the full references of what it cites, by author.
"""

from __future__ import annotations

# As the text cites it, and in full.
_REFERENCES = (
    (
        "Bandos et al. 2005",
        "Bandos AI, Rockette HE, Gur D. A permutation test sensitive to differences in areas for comparing ROC curves"
        " from a paired design. Statistics in Medicine 2005;24:2873–2893.",
    ),
    (
        "Benjamini and Hochberg 1995",
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to multiple"
        " testing. Journal of the Royal Statistical Society B 1995;57:289–300.",
    ),
    (
        "Brunner et al. 1997",
        "Brunner E, Dette H, Munk A. Box-type approximations in nonparametric factorial designs. Journal of the "
        "American Statistical Association 1997;92:1494–1502.",
    ),
    (
        "DeLong et al. 1988",
        "DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver operating"
        " characteristic curves: a nonparametric approach. Biometrics 1988;44:837–845.",
    ),
    (
        "Demšar 2006",
        "Demšar J. Statistical comparisons of classifiers over multiple data sets. Journal of Machine Learning "
        "Research 2006;7:1–30.",
    ),
    (
        "Guilbaud 2008",
        "Guilbaud O. Simultaneous confidence regions corresponding to Holm's step-down procedure and other "
        "closed-testing procedures. Biometrical Journal 2008;50:678–692.",
    ),
    (
        "Hillis 2007, 2014",
        "Hillis SL. A comparison of denominator degrees of freedom methods for multiple observer ROC analysis. "
        "Statistics in Medicine 2007;26:596–619.",
    ),
    (
        "Hillis 2007, 2014",
        "Hillis SL. A marginal-mean ANOVA approach for analyzing multireader multicase radiological imaging data. "
        "Statistics in Medicine 2014;33:330–360.",
    ),
    (
        "Holm 1979",
        "Holm S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics "
        "1979;6:65–70.",
    ),
    (
        "Obuchowski 1997",
        "Obuchowski NA. Nonparametric analysis of clustered ROC curve data. Biometrics 1997;53:567–578.",
    ),
    (
        "Obuchowski 1998",
        "Obuchowski NA. On the comparison of correlated proportions for clustered data. Statistics in Medicine "
        "1998;17:1495–1507.",
    ),
    (
        "Obuchowski and Rockette 1995",
        "Obuchowski NA, Rockette HE. Hypothesis testing of diagnostic accuracy for multiple readers and multiple "
        "tests: an ANOVA approach with dependent observations. Communications in Statistics – Simulation and "
        "Computation 1995;24:285–308.",
    ),
    (
        "Schuirmann 1987",
        "Schuirmann DJ. A comparison of the two one-sided tests procedure and the power approach for assessing the "
        "equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics 1987;15:657–680.",
    ),
    (
        "Strassburger and Bretz 2008",
        "Strassburger K, Bretz F. Compatible simultaneous lower confidence bounds for the Holm procedure and other "
        "Bonferroni-based closed tests. Statistics in Medicine 2008;27:4914–4927.",
    ),
)


def references(paragraph: str) -> list[str]:
    """Full references of what a text cites.

    Examples
    --------
    >>> references("adjusted by Holm (Holm 1979)")[0][:7]
    'Holm S.'
    """
    return [full for cited, full in _REFERENCES if cited in paragraph]
