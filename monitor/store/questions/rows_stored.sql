-- How many calls, and outcomes and feedback as they were told, the store holds. Column: the count.
SELECT
    (SELECT count() FROM calls FINAL)
    + (SELECT count() FROM scores FINAL WHERE source IN ('user', 'outcome') AND NOT startsWith(score_id, 'joined:'))
