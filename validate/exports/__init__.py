"""One file per format that a run writes; `files` puts them into the output folder."""
