"""Cassettes: the model's answers to one conversation, recorded over HTTP and replayed strictly, by vcrpy.

`tapes` sets vcrpy up and is the only module that imports it; `transport` puts vcrpy's interception of httpx around one
transport, so that nothing of the process is patched; `layout` is how a cassette is written, `secrets` what is never
written, `nearest` what a miss says, `shelf` a directory of cassettes, and `playing` one conversation recorded or
replayed. Only `playing.record` reaches a model, and only `parlo record` calls it.
"""
