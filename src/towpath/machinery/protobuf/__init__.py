"""Kubernetes' protobuf: objects of the built-in kinds as Go clients send them and ask for them.

The frame is `k8s\\0` and a runtime.Unknown with apiVersion, kind and the object; field numbers come
from the generated tables. kubectl's typed commands and Helm send it and know no other way;
controllers in Go ask for it in answers.
"""

from towpath.machinery.protobuf.frames import MAGIC, PROTOBUF
from towpath.machinery.protobuf.reading import decode
from towpath.machinery.protobuf.writing import (
    encode,
    encode_list,
    encode_partial_list,
    encoder_of,
    watch_frame,
)

__all__ = [
    "MAGIC",
    "PROTOBUF",
    "decode",
    "encode",
    "encode_list",
    "encode_partial_list",
    "encoder_of",
    "watch_frame",
]
