-- What a dataset version is made of: members by split and by the reason they are in, and how many carry a label.
-- Parameters: dataset_version (String).
-- Columns: split, reason, members, labelled.
SELECT split, reason, count() AS members, countIf(label != '') AS labelled
FROM datasets FINAL
WHERE dataset_version = {dataset_version:String}
GROUP BY split, reason
ORDER BY split, reason
LIMIT 200
