"""The command `towpath`: the shell around the commands that capabilities contribute.

    main        the entry point: errors become sentences and exit codes
    adapter     a plain function becomes a command with arguments, options and help
    terminal    what a command is given: the API as the person who types, and their screen
    connection  which server, as whom
    output      tables, JSON and YAML on standard output; words on standard error

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no platform or no permission to talk to it,
4 not found, 5 conflict with what is there, 6 waited in vain.
"""
