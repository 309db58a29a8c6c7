-- What answered under a release: by service, how many calls from when to when, with which prompts and models.
-- Parameters: release. Columns: those of monitor.retrain.lineage.Answering.
SELECT service, count() AS calls, min(timestamp) AS first, max(timestamp) AS last,
    arraySort(groupUniqArrayIf(100)(if(prompt_name = '', prompt_version, concat(prompt_name, ' ', prompt_version)), prompt_version != '')) AS prompts,
    arraySort(groupUniqArrayIf(100)(toString(if(response_model = '', request_model, response_model)), request_model != '')) AS models
FROM calls FINAL
WHERE release = {release:String}
GROUP BY service
ORDER BY service
