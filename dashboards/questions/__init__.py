"""The dashboards' questions to the store, one `.sql` file each."""
