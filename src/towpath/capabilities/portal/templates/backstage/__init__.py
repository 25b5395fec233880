"""Backstage's scaffolder API below `/api/scaffolder`: its clients run templates here unchanged.

api.py      requests and answers        tasks.py    a TemplateRun as a task, and its events
dryrun.py   POST /v2/dry-run
"""
