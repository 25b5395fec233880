"""Process hosts: where child processes run, isolated, limited and never orphaned.

host         the platform's side: SupervisedProcesses
supervisor   the small process that holds all programs; ends them when the platform ends
sitter       what it forks for each: PID 1 of the program's namespace, pumps its log
view         the files that an isolated program sees
logpump, cgroups, syscalls   what the supervisor's side stands on; standard library only
accounts     a user number per project, where we are root
sweep        what a crashed platform has left behind
"""
