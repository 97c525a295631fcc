// SPDX-License-Identifier: Apache-2.0
// What is built: the contract's values beside core's. Translation looks values up here and refuses the rest with
// UNIMPLEMENTED; GetServerInfo lists exactly these tables. To announce something new, add its line.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/network/loss.h"
#include "core/network/reduction/methods.h"
#include "core/training/spec.h"
#include "cvxnn/v1/dataset_service.pb.h"
#include "cvxnn/v1/job_spec.pb.h"
#include "cvxnn/v1/model_service.pb.h"
#include "cvxnn/v1/server_service.pb.h"

namespace cvxnn::server {

/// One built value of an enum. In a table the first line is what "unspecified" means, unless the table says otherwise.
template <typename Proto, typename Core>
struct Choice {
  Proto proto;
  Core core;
};
// Later compilers deduce this by themselves.
template <typename Proto, typename Core>
Choice(Proto, Core) -> Choice<Proto, Core>;

inline constexpr std::array kLosses = {
    Choice{v1::LOSS_SQUARED, Loss::kSquared}, Choice{v1::LOSS_LOGISTIC, Loss::kLogistic},
    Choice{v1::LOSS_CROSS_ENTROPY, Loss::kCrossEntropy}, Choice{v1::LOSS_HINGE, Loss::kHinge},
    Choice{v1::LOSS_SQUARED_HINGE, Loss::kSquaredHinge}};

inline constexpr std::array kLossScales = {Choice{v1::LOSS_SCALE_HALF_SUM, LossScale::kHalfSum},
                                           Choice{v1::LOSS_SCALE_SUM, LossScale::kSum},
                                           Choice{v1::LOSS_SCALE_MEAN, LossScale::kMean}};

inline constexpr std::array kConvexPenalties = {Choice{v1::PENALTY_GROUP_L2, Penalty::kGroupL2},
                                                Choice{v1::PENALTY_WEIGHT_DECAY, Penalty::kWeightDecay},
                                                Choice{v1::PENALTY_NONE, Penalty::kNone},
                                                Choice{v1::PENALTY_RIDGE, Penalty::kRidge},
                                                Choice{v1::PENALTY_L1, Penalty::kL1},
                                                Choice{v1::PENALTY_FEATURE_GROUPS, Penalty::kFeatureGroups}};
inline constexpr std::array kDescentPenalties = {Choice{v1::PENALTY_GROUP_L2, Penalty::kGroupL2},
                                                 Choice{v1::PENALTY_WEIGHT_DECAY, Penalty::kWeightDecay},
                                                 Choice{v1::PENALTY_NONE, Penalty::kNone}};

inline constexpr std::array kConvexActivations = {Choice{v1::ACTIVATION_GATED, Activation::kGated},
                                                  Choice{v1::ACTIVATION_RELU, Activation::kRelu}};
inline constexpr std::array kDescentActivations = {Choice{v1::ACTIVATION_RELU, Activation::kRelu},
                                                   Choice{v1::ACTIVATION_GATED, Activation::kGated}};

/// Unspecified is training::ConvexSolver::kAuto.
inline constexpr std::array kConvexSolvers = {
    Choice{v1::CONVEX_SOLVER_FISTA, training::ConvexSolver::kFista},
    Choice{v1::CONVEX_SOLVER_ADMM, training::ConvexSolver::kAdmm},
    Choice{v1::CONVEX_SOLVER_INTERIOR_POINT, training::ConvexSolver::kInteriorPoint},
    Choice{v1::CONVEX_SOLVER_PENALTY, training::ConvexSolver::kPenalty},
    Choice{v1::CONVEX_SOLVER_NEWTON, training::ConvexSolver::kNewton}};

/// Unspecified is training::WorkingSet::kAuto.
inline constexpr std::array kWorkingSets = {Choice{v1::WORKING_SET_ON, training::WorkingSet::kOn},
                                            Choice{v1::WORKING_SET_OFF, training::WorkingSet::kOff}};

/// Unspecified is training::PathSelection::kAuto.
inline constexpr std::array kPathSelections = {
    Choice{v1::PATH_SELECTION_TEST_ACCURACY, training::PathSelection::kTestAccuracy},
    Choice{v1::PATH_SELECTION_TEST_LOSS, training::PathSelection::kTestLoss},
    Choice{v1::PATH_SELECTION_LEAST_BETA, training::PathSelection::kLeastBeta}};

/// Unspecified is training::Precision::kAuto.
inline constexpr std::array kPrecisions = {Choice{v1::PRECISION_FLOAT32, training::Precision::kFloat32},
                                           Choice{v1::PRECISION_FLOAT64, training::Precision::kFloat64}};

/// File formats of weights, by the ending of the file. The server's reader of formats takes the second as the format.
enum class WeightsFile { kSafetensors, kTorchScript };
inline constexpr std::array kModelFormats = {Choice{v1::MODEL_FORMAT_SAFETENSORS, WeightsFile::kSafetensors},
                                             Choice{v1::MODEL_FORMAT_TORCHSCRIPT, WeightsFile::kTorchScript}};

/// How PruneModel makes up for what it takes away, and how DecomposeModel splits.
inline constexpr std::array kCorrections = {Choice{v1::PRUNE_CORRECTION_LEAST_SQUARES, Correction::kLeastSquares},
                                            Choice{v1::PRUNE_CORRECTION_NONE, Correction::kNone}};
inline constexpr std::array kDecompositions = {Choice{v1::DECOMPOSITION_LEAST_NORM, Decomposition::kLeastNorm},
                                               Choice{v1::DECOMPOSITION_ALONG_GATE, Decomposition::kAlongGate},
                                               Choice{v1::DECOMPOSITION_APPROXIMATE, Decomposition::kApproximate}};

/// Members of a oneof that are built, by field number.
inline constexpr std::array kTrainings = {static_cast<int>(v1::JobSpec::kConvexFieldNumber),
                                          static_cast<int>(v1::JobSpec::kDescentFieldNumber),
                                          static_cast<int>(v1::JobSpec::kPathFieldNumber)};
inline constexpr std::array kPatterns = {
    static_cast<int>(v1::Patterns::kSampledFieldNumber), static_cast<int>(v1::Patterns::kConvolutionalFieldNumber),
    static_cast<int>(v1::Patterns::kFromModelFieldNumber), static_cast<int>(v1::Patterns::kEnumeratedFieldNumber),
    static_cast<int>(v1::Patterns::kGivenFieldNumber)};
inline constexpr std::array kOptimizers = {
    static_cast<int>(v1::Optimizer::kSgdFieldNumber),      static_cast<int>(v1::Optimizer::kAdamFieldNumber),
    static_cast<int>(v1::Optimizer::kAdamwFieldNumber),    static_cast<int>(v1::Optimizer::kAdagradFieldNumber),
    static_cast<int>(v1::Optimizer::kAdadeltaFieldNumber), static_cast<int>(v1::Optimizer::kRmspropFieldNumber),
    static_cast<int>(v1::Optimizer::kLbfgsFieldNumber)};
inline constexpr std::array kSchedules = {
    static_cast<int>(v1::Schedule::kConstantFieldNumber), static_cast<int>(v1::Schedule::kReduceOnPlateauFieldNumber),
    static_cast<int>(v1::Schedule::kExponentialFieldNumber), static_cast<int>(v1::Schedule::kStepFieldNumber),
    static_cast<int>(v1::Schedule::kCosineFieldNumber)};
inline constexpr std::array kInitializations = {static_cast<int>(v1::Initialization::kTorchLinearFieldNumber),
                                                static_cast<int>(v1::Initialization::kKaimingFieldNumber),
                                                static_cast<int>(v1::Initialization::kGaussianFieldNumber),
                                                static_cast<int>(v1::Initialization::kBalancedFieldNumber),
                                                static_cast<int>(v1::Initialization::kFromModelsFieldNumber)};
inline constexpr std::array kTransforms = {static_cast<int>(v1::Transform::kSelectClassesFieldNumber),
                                           static_cast<int>(v1::Transform::kSubsetPerClassFieldNumber),
                                           static_cast<int>(v1::Transform::kTrainTestSplitFieldNumber),
                                           static_cast<int>(v1::Transform::kDivideByFieldNumber),
                                           static_cast<int>(v1::Transform::kNormalizeChannelsFieldNumber),
                                           static_cast<int>(v1::Transform::kStandardizeFieldNumber),
                                           static_cast<int>(v1::Transform::kPrincipalComponentsFieldNumber),
                                           static_cast<int>(v1::Transform::kAppendBiasFieldNumber)};
inline constexpr std::array kGenerators = {static_cast<int>(v1::GenerateDatasetRequest::kGaussianFieldNumber),
                                           static_cast<int>(v1::GenerateDatasetRequest::kSineFieldNumber),
                                           static_cast<int>(v1::GenerateDatasetRequest::kTwoSpiralsFieldNumber),
                                           static_cast<int>(v1::GenerateDatasetRequest::kBlobsFieldNumber),
                                           static_cast<int>(v1::GenerateDatasetRequest::kPlantedReluFieldNumber)};
inline constexpr std::array kImportFormats = {static_cast<int>(v1::ImportDatasetRequest::kCsvFieldNumber),
                                              static_cast<int>(v1::ImportDatasetRequest::kNumpyFieldNumber),
                                              static_cast<int>(v1::ImportDatasetRequest::kCifar10FieldNumber),
                                              static_cast<int>(v1::ImportDatasetRequest::kIdxFieldNumber)};

/// Fills the fields of `info` that say what is built. `imports`: whether the server has an import root.
void FillCapabilities(bool imports, v1::ServerInfo* info);

}  // namespace cvxnn::server
