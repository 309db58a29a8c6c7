-- How many members a dataset version has. Parameters: version. Columns: one count.
SELECT count() FROM datasets FINAL WHERE dataset_version = {version:String}
