"""CI engines: what runs a repository's workflow files. The embedded one reads GitHub Actions files.

    engine        the loop that does what is planned; the entry point
    planning      what happens next, pure; matrix and state beside it
    workflow/     a file to a checked Workflow
    expressions/  what stands between `${{` and `}}`
    jobs, steps   one job, one step; jobwork is what a job's steps share
    actions/      the actions that `uses:` can name; all others are refused before anything starts
    programs      a step's program: started, followed, ended in time; tail reads its output
    places        folders, and how to write where somebody else's program has been
    environments  Python environments that outlive a run; tools and network beside them

A workflow that passes here passes on GitHub. What this runner does not do (containers, services,
reusable workflows, other people's actions, Windows and macOS) it refuses by name. It differs where
nobody can tell, and here: `actions/checkout` makes no `.git` folder unless `fetch-depth` is given,
symbolic links in a repository only come with one, and every label of `runs-on` is this host.
"""
