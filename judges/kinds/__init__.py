"""The kinds of judges that ask a model: question, rubric, fact, grade, pair, step."""
