"""The jobs of the loop, one file each; `monitor.jobs.schedule` says when they run.

A job reads rows up to the end of its window, appends rows, and keeps no state elsewhere: running it again
for the same window changes nothing. `outerloop run JOB` runs one now.
"""
