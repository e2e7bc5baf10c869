"""What a model's hash is the hash of, so that no file says more of it than is true."""

from validate.predictions import ModelIdentity

SHA256 = "sha256"  # of the bytes of one file, or of an ONNX model with all its files
FILES = "paritygateFilesSha256"  # of the names and hashes of a folder's files


def artifact_digest(model: ModelIdentity | None) -> tuple[str, str] | None:
    """The algorithm and value of an artifact's hash; None where there is none.

    A model of code alone has no artifact, and one that is known by its recorded answers was never seen.
    """
    if model is None or model.sha256 is None or model.kind == "recorded":
        return None
    # of a folder, the hash is over its files' names and hashes: nobody may take it for the hash of a file
    return (FILES if model.kind == "transformers" else SHA256), model.sha256
