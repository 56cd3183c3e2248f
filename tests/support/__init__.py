"""What several test files share: prepared runs, fakes of the engine and of models, references, drivers of processes.

Nothing here is a test. `pytest` finds the package because `tests` is on its path; a module that can be run by hand
says so at its top.
"""
