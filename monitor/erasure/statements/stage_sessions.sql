-- Puts the sessions aside that are one user's alone. Parameters: request, ids (the user's, in
-- every form).
INSERT INTO erasing
SELECT {request:String}, 'session', session_id
FROM (
    SELECT session_id, user_id FROM calls WHERE session_id != '' AND user_id != ''
    UNION ALL
    SELECT session_id, user_id FROM steps WHERE session_id != '' AND user_id != ''
)
GROUP BY session_id
HAVING min(has({ids:Array(String)}, user_id))
SETTINGS log_queries = 0
