"""The sign-off report: records become a view, the view becomes one HTML page.

`facts` reads a record, `forest` draws, `tables`, `decision`, `model` and `run` decide text, order and class, `page`
puts it together. The templates under `reports/templates` only lay out and escape.
"""

from validate.report.page import render as render
