-- Releases that were made of some dataset versions, and those made of these in turn. Parameters: versions.
-- Columns: base_release, candidate_release, trained (1: on one of the versions).
SELECT base_release, candidate_release, max(has({versions:Array(String)}, dataset_version)) AS trained
FROM retrains
WHERE candidate_release != ''
GROUP BY base_release, candidate_release
