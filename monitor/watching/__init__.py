"""The series that make themselves: what is counted, what counts as unchanged, and what is said of each.

Read in the order of travel: `metrics` names what can be watched, `reading` brings it out of the store by hour,
`learning` says what is normal, `verdicts` continues the detectors, `baselines` is where a person has a word.
`monitor.jobs.rates` is the job.
"""
