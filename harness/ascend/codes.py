"""What ATC's and AscendCL's error codes mean; from CANN's public source and its documentation, in words of our own."""

from __future__ import annotations

import re

ATC = {
    "E10001": "a value of a parameter is invalid", "E10002": "--input_shape cannot be read", "E10003": "a value of a parameter is invalid",
    "E10004": "a parameter is empty", "E10005": "a parameter must be true or false", "E10006": "a parameter must be 0 or 1",
    "E10007": "a required parameter is missing", "E10008": "a Caffe model needs its weights", "E10009": "parameters exclude each other",
    "E10010": "no such log level", "E10011": "a shape holds no positive whole number", "E10012": "batch profiles without an open axis",
    "E10013": "a length is out of range", "E10014": "a value of a parameter is invalid", "E10016": "a name is not in the model",
    "E10017": "a named operator is no input", "E10018": "only the first axis may be -1 here",
    "E10019": "only height and width may be -1 here",
    "E10020": "an image profile is wrong", "E10021": "a path is too long", "E10022": "--output names no file",
    "E10031": "a profile does not fit", "E10032": "JSON cannot be read", "E10034": "AIPP is wrong", "E10035": "fewer than two profiles",
    "E10036": "too many profiles", "E10037": "profiles of unequal length", "E10038": "a profile holds no positive number",
    "E10039": "a profile is there twice", "E10040": "profiles need -1 axes and no range", "E10041": "the model cannot be loaded",
    "E10045": "profiles and -1 axes do not agree", "E10046": "profiles and -1 axes do not agree", "E10047": "parameters exclude each other",
    "E10048": "a range of lengths cannot be read", "E10049": "a shape has another number of axes than the model",
    "E10050": "a range of lengths is out of range", "E10052": "AIPP is wrong", "E10054": "a required parameter is empty",
    "E10055": "this chip does not take this combination", "E10056": "parameters exclude each other", "E10057": "parameters belong together",
    "E10059": "the result cannot be saved", "E10060": "the parameter is no longer read", "E10061": "a value is not in the list",
    "E10410": "a file is missing", "E10501": "the operator is not registered",
    "E13000": "a file is empty", "E13001": "a file cannot be opened",
    "E13009": "two operators have one name", "E13010": "no plugin for an operator", "E13014": "a parameter of an operator is invalid",
    "E14001": "a parameter of an operator is invalid", "E14002": "a parameter of an operator is invalid",
    "E16001": "the graph has no inputs or no outputs", "E16002": "no ONNX plugin for an operator at the opset of the model",
    "E16004": "there is no graph", "E16005": "a domain is imported twice",
    "E19010": "no ONNX plugin for an operator at the opset of the model",
    "E19999": "an inner error", "EZ3002": "no kernel for an operator", "EZ3003": "no kernel for an operator", "EZ9999": "an inner error",
}  # fmt: skip
"""Meanings of codes that ATC prints."""
REFUSALS = ("E16002", "E19010", "E13010", "EZ3002", "EZ3003", "E10501", "E10055")
"""An operator, or a feature of the chip, is refused by name."""
PARAMETERS = re.compile(r"E10[0-4]\d\d|E1005[0467]|E1006\d")
"""What is wrong is what ATC was asked for."""
INSTALLATION = re.compile(r"EC0010|E40000")
"""Python packages that kernels are compiled with are missing."""
INNER = ("E19999", "EZ9999")
FAMILIES = (
    ("E2", "fusion engine"), ("E4", "compiler of kernels"), ("EB", "compiler of kernels"), ("EC", "compiler of kernels"),
    ("EH", "AscendCL"), ("EE", "runtime"), ("EI", "communication"), ("EJ", "communication"), ("EL", "driver"), ("EZ", "graph engine"),
)  # fmt: skip

ACL = {
    100000: "a parameter is invalid", 100001: "AscendCL is not initialised", 100002: "AscendCL is initialised already",
    100003: "the file is invalid", 100011: "there is no such model", 100016: "an attribute of the model is missing",
    100017: "an input does not match the model", 100018: "an output does not match the model", 100019: "the model is not dynamic",
    107002: "there is no context", 145000: "the model cannot be loaded", 145003: "there is no such model",
    145011: "the address of the profile input is wrong", 145012: "the length of the profile input is wrong",
    145013: "this is none of the profiles", 148049: "the operator packages are not found", 148050: "the operator is not dynamic",
    200000: "there is no memory left", 500002: "the graph engine failed", 507011: "the execution of the model failed",
}  # fmt: skip
"""Meanings of the codes that pyACL returns."""
_OWNERS = {1: "wrong use", 2: "resources", 3: "service", 5: "inside CANN"}


def atc(code: str) -> str:
    """Return what a code of ATC means, the part it comes from where no more is known."""
    if code.startswith("W"):
        return "a warning"
    return ATC.get(code) or next((f"an error of the {part}" for start, part in FAMILIES if code.startswith(start)), "an error")


def acl(code: int) -> str:
    """Return what a code of AscendCL means."""
    return ACL.get(code) or "an error ({})".format(_OWNERS.get(code // 100000, "unknown"))
