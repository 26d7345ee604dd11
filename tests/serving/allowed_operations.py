"""Operations that exports of this package's models are made of, all of TensorFlow's own runtime."""

# fmt: off
ALLOWED = frozenset({
    "Abs", "AddV2", "All", "ArgMax", "Assert", "AssignVariableOp", "AvgPool", "BatchMatMulV2",
    "BatchToSpaceND", "BiasAdd", "BroadcastTo", "Cast", "ConcatV2", "Const", "Conv2D", "Cumsum",
    "DisableCopyOnRead", "Einsum", "EnsureShape", "Equal", "Erfc", "Exp", "ExpandDims", "Fill", "GatherNd",
    "GatherV2", "Greater", "GreaterEqual", "Identity", "IdentityN", "If", "IsFinite", "LeakyRelu", "Less",
    "LessEqual", "Log", "Log1p", "LogicalAnd", "LogicalNot", "LogicalOr", "MatMul", "MatrixBandPart", "Max",
    "MaxPool", "Maximum", "Mean", "MergeV2Checkpoints", "Minimum", "Mul", "Neg", "NoOp", "OnesLike", "Pack",
    "Pad", "PartitionedCall", "Placeholder", "Prod", "Range", "ReadVariableOp", "RealDiv", "Relu", "Reshape",
    "RestoreV2", "Rsqrt", "SaveV2", "Select", "SelectV2", "Shape", "ShardedFilename", "Sigmoid", "Sign", "Sin",
    "Softmax", "Softplus", "SpaceToBatchND", "Split", "Sqrt", "Square", "SquaredDifference", "Squeeze",
    "StatefulPartitionedCall", "StaticRegexFullMatch", "StopGradient", "StridedSlice", "StringJoin", "Sub",
    "Sum", "Tanh", "TensorListFromTensor", "TensorListGetItem", "TensorListReserve", "TensorListSetItem",
    "TensorListStack", "Tile", "Transpose", "VarHandleOp", "Where", "While", "ZerosLike"
})
# fmt: on
