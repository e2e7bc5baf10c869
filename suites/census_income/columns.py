"""Columns that an income statistician thinks in, made from those that the survey recorded."""

import pandas as pd

REGIONS = {
    "United States": ("United-States",),
    "US territories": ("Puerto-Rico", "Outlying-U S (Guam USVI etc)"),
    "Mexico": ("Mexico",),
    "Central America": ("El-Salvador", "Guatemala", "Honduras", "Nicaragua", "Panama"),
    "Caribbean": ("Cuba", "Dominican-Republic", "Haiti", "Jamaica", "Trinadad&Tobago"),
    "South America": ("Columbia", "Ecuador", "Peru"),
    "Canada": ("Canada",),
    "Western Europe": (
        "England",
        "France",
        "Germany",
        "Greece",
        "Holand-Netherlands",
        "Ireland",
        "Italy",
        "Portugal",
        "Scotland",
    ),
    "Eastern Europe": ("Hungary", "Poland", "Yugoslavia"),
    "East Asia": ("China", "Hong Kong", "Japan", "South Korea", "Taiwan"),
    "South-East Asia": ("Cambodia", "Laos", "Philippines", "Thailand", "Vietnam"),
    "South and West Asia": ("India", "Iran"),
    "Not stated": ("Not stated",),
}
# the survey's own definition of a full year: 50 weeks or more, paid leave included
FULL_YEAR = 50


def birth_region(frame: pd.DataFrame) -> pd.Series:
    """The region of the country of birth: 43 countries are too many to judge one by one, 13 regions are not."""
    region = {country: name for name, countries in REGIONS.items() for country in countries}
    return frame["country"].astype(str).map(region)


def work_year(frame: pd.DataFrame) -> pd.Series:
    """How much of the year before the interview was worked: no work, part year, full year."""
    edges = [-1, 0, FULL_YEAR - 1, 52]
    return pd.cut(frame["weeks_worked"], edges, labels=["no work", "part year", "full year"]).astype(str)


def property_income(frame: pd.DataFrame) -> pd.Series:
    """Income that no work was done for, in dollars a year: capital gains less losses, and dividends."""
    return frame["capital_gains"].astype("float64") - frame["capital_losses"] + frame["dividends"]
