# The only commands anyone learns. Run them as ./just RECIPE.
set positional-arguments := true

export PYTHONPATH := justfile_directory()
export PYTHONUTF8 := "1"
python := justfile_directory() / ".parlo/venv/bin/python"

# list the recipes
_list:
    @"{{just_executable()}}" --justfile "{{justfile()}}" --list --unsorted

# replay every recorded conversation of fixtures/ and score it
[no-exit-message]
demo *args:
    @"{{python}}" -m evals.cli demo "$@"

# run web, worker and ticker until Ctrl-C
[no-exit-message]
up *args:
    @"{{python}}" -m evals.cli up "$@"

# run the tests; arguments go to pytest
[no-exit-message]
test *args:
    @"{{python}}" -m pytest -n auto "$@"

# check format, lint, types and import contracts: what CI checks
[no-exit-message]
check:
    "{{python}}" -m ruff format --check .
    "{{python}}" -m ruff check .
    "{{python}}" -m mypy
    "{{python}}" .parlo/venv/bin/lint-imports

# measure speed and memory, with the machine's own limits beside them
[no-exit-message]
bench *args:
    @"{{python}}" -m evals.cli bench "$@"

# measure a turn of an evaluation beside inspect-ai's and beside a bare loop
[no-exit-message]
peers *args:
    @"{{python}}" -m uv venv --quiet --allow-existing --python "{{python}}" .parlo/peers
    @"{{python}}" -m uv pip sync --quiet --python .parlo/peers/bin/python --require-hashes requirements/peers.lock
    @"{{python}}" -m benchmarks.turns "$@"

# run the notebooks, or those named, and write them as pages to .parlo/notebooks
[no-exit-message]
notebooks *args:
    @"{{python}}" -I .ci/environment.py analysis notebooks
    @"{{python}}" -m evals.notebook.executing "$@"

# open the notebooks in JupyterLab, with the database running
[no-exit-message]
lab *args:
    @"{{python}}" -I .ci/environment.py analysis notebooks
    @"{{python}}" -m evals.notebook.lab "$@"

# break Parlo on purpose, one way at a time, and show the seed that notices
[no-exit-message]
mutants *args:
    @"{{python}}" -m evals.cli mutants "$@"

# kill, stop and cut off real processes while people write, and check every promise
[no-exit-message]
chaos *args:
    @"{{python}}" -m evals.cli chaos "$@"

# replay the core suite and gate it against the stored baseline, as CI does; arguments go to `parlo gate`
[no-exit-message]
gate *args:
    @"{{python}}" -m evals.cli eval fixtures/suites/core >/dev/null
    @"{{python}}" -m evals.cli gate baseline:core latest "$@"

# the program itself: ./just parlo --help
[no-exit-message]
parlo *args:
    @"{{python}}" -m evals.cli "$@"

# write the generated parts of docs/ anew
docs:
    @"{{python}}" -m docs.generate

# stop the embedded Postgres and Valkey
stop:
    @"{{python}}" -m runtime.adapters.embedded stop

# format the code and apply the safe fixes of the linter
fmt:
    "{{python}}" -m ruff check --fix-only .
    "{{python}}" -m ruff format .

# write the lock files anew from pyproject.toml; --upgrade moves every package to its latest version
lock *args:
    #!/bin/sh
    set -eu
    mkdir -p requirements
    compile() {
        "{{python}}" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
            --custom-compile-command "./just lock" "$@"
    }
    compile pyproject.toml --group dev -o requirements.lock "$@"
    # Each group agrees with all that was locked before it, so that they can be installed together.
    settled="-c requirements.lock"
    for group in analysis notebooks browser; do
        compile --group "$group" $settled -o "requirements/$group.lock" "$@"
        settled="$settled -c requirements/$group.lock"
    done
    # It has an environment of its own, since it does not agree.
    compile --group peers -o requirements/peers.lock "$@"

# install groups of packages that only some recipes need: analysis, notebooks, browser
group +names:
    @"{{python}}" -I .ci/environment.py "$@"
