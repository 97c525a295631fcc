// SPDX-License-Identifier: Apache-2.0
// The values of --transform.
#include "client/cpp/command/transform_flag.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cvxnn::command {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Fault(const std::string& text) { return std::string(ParseTransform(text).status().message()); }

TEST(TransformFlag, SelectsClasses) {
  const auto transform = ParseTransform("select_classes=airplane,automobile:pm1");
  ASSERT_TRUE(transform.ok());
  EXPECT_THAT(transform->select_classes().classes(), ElementsAre("airplane", "automobile"));
  EXPECT_EQ(transform->select_classes().encoding(), v1::LABEL_ENCODING_PLUS_MINUS_ONE);
  EXPECT_EQ(ParseTransform("select_classes=a,b:onehot")->select_classes().encoding(), v1::LABEL_ENCODING_ONE_HOT);
  EXPECT_TRUE(ParseTransform("select_classes=:pm1")->select_classes().classes().empty());
}

TEST(TransformFlag, TakesNumbersInOrderAndTheSeedLast) {
  const auto subset = ParseTransform("subset=500,100,seed=7");
  ASSERT_TRUE(subset.ok()) << subset.status();
  EXPECT_EQ(subset->subset_per_class().rows_per_class(), 500);
  EXPECT_EQ(subset->subset_per_class().test_rows_per_class(), 100);
  EXPECT_EQ(subset->subset_per_class().seed(), 7);
  EXPECT_EQ(ParseTransform("subset=500,seed=7")->subset_per_class().test_rows_per_class(), 0);
  EXPECT_EQ(ParseTransform("split=0.25,seed=1")->train_test_split().test_fraction(), 0.25);
  EXPECT_FALSE(ParseTransform("split")->train_test_split().has_test_fraction());
  EXPECT_EQ(ParseTransform("divide=255")->divide_by().divisor(), 255);
  EXPECT_EQ(ParseTransform("pca=50")->principal_components().components(), 50);
}

TEST(TransformFlag, KnowsThoseWithoutArguments) {
  EXPECT_TRUE(ParseTransform("normalize_channels")->has_normalize_channels());
  EXPECT_TRUE(ParseTransform("standardize")->has_standardize());
  EXPECT_TRUE(ParseTransform("bias")->has_append_bias());
}

TEST(TransformFlag, SaysWhatIsWrong) {
  EXPECT_THAT(Fault("rotate=90"), HasSubstr("--transform rotate=90: must be one of select_classes"));
  EXPECT_THAT(Fault("pca"), HasSubstr("needs a number of components"));
  EXPECT_THAT(Fault("pca=many"), HasSubstr("\"many\" is not a number of components"));
  EXPECT_THAT(Fault("bias=1"), HasSubstr("\"1\" is one argument too many"));
  EXPECT_THAT(Fault("split=0.2,seed=x"), HasSubstr("\"x\" is not a seed"));
  EXPECT_THAT(Fault("select_classes=a,,b"), HasSubstr("a class name is empty"));
}

TEST(TransformFlag, IsWrittenAsItWasRead) {
  for (const char* text : {"select_classes=a,b:pm1", "subset=500,100,seed=7", "split=0.2,seed=1", "divide=255",
                           "normalize_channels", "standardize", "pca=50", "bias"}) {
    EXPECT_EQ(TransformText(*ParseTransform(text)), text);
  }
}

}  // namespace
}  // namespace cvxnn::command
