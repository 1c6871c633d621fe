"""System checks that guard the guarantees: what a start refuses, and what it only says.

`manage.py check` looks at the settings alone; with `--database default` it also asks the servers, and so does
`migrate`, with which every `manage.py up` begins. Web processes and workers look again when they start.
"""

GUARANTEES = "guarantees"
"""The tag of these checks, for `manage.py check --tag guarantees --database default`."""
