-- Room on the local disks of the store's machine. Columns: path, free_bytes, total_bytes.
SELECT path, free_space AS free_bytes, total_space AS total_bytes
FROM system.disks
WHERE path != '' AND total_space > 0 AND total_space < 1e17
LIMIT 20
