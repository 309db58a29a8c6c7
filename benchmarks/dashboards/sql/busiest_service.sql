-- The service that most hours know. Columns: service.
SELECT service FROM hours GROUP BY service ORDER BY sum(arraySum(`by.calls`)) DESC LIMIT 1
