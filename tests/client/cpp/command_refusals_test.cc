// SPDX-License-Identifier: Apache-2.0
// What the command refuses, in which words, and with which exit status.
#include "tests/client/cpp/command_fixture.h"

namespace cvxnn::command {
namespace {

using testing::HasSubstr;

TEST_F(Command, RefusesFlagsThatWouldBeDropped) {
  WriteTable("forest.data");
  const Output refused = Run("dataset import forest.data --label kind");
  EXPECT_EQ(refused.exit_status, 2);
  EXPECT_THAT(refused.text, HasSubstr("--label: give --format"));
  EXPECT_THAT(Succeed("dataset import forest.data --label kind --format csv --id forest-data"), HasSubstr("elm"));
  EXPECT_THAT(Run("dataset create forest.data --label kind --format npy").text, HasSubstr("--label: does not apply"));
}

TEST_F(Command, NamesTheFieldThatIsWrong) {
  Succeed("dataset generate two-spirals --rows 50 --id spirals");
  const Output refused = Run("job submit convex --dataset spirals --beta -1");
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.text, HasSubstr("error: INVALID_ARGUMENT"));
  EXPECT_THAT(refused.text, HasSubstr("beta"));
  EXPECT_THAT(Succeed("job submit convex --dataset spirals --beta 0.5 --validate-only"), HasSubstr("gated"));
  EXPECT_EQ(Run("job submit convex --dataset nowhere --beta 1").exit_status, 1);
}

TEST_F(Command, RefusesWrongUsageBeforeSendingAnything) {
  EXPECT_EQ(Run("dataset create nothing.csv").exit_status, 2);
  EXPECT_EQ(Run("job submit convex --neurons 3 --dataset spirals").exit_status, 2);
  EXPECT_EQ(Run("dataset fetch").exit_status, 2);
  WriteFile("bad.yaml", "spec:\n  betta: 1\n");
  const Output bad = Run("job submit --file bad.yaml");
  EXPECT_EQ(bad.exit_status, 2);
  EXPECT_THAT(bad.text, HasSubstr("bad.yaml:2: spec.betta: no such field; did you mean beta?"));
}

TEST_F(Command, NamesTheCommandThatItDoesNotHave) {
  EXPECT_THAT(Run("frog").text, testing::StartsWith("error: frog: no such command: cvxnn has dataset, job, "));
  EXPECT_THAT(Run("job submti --dataset spirals").text,
              HasSubstr("submti: no such command: cvxnn job has submit, list"));
  EXPECT_THAT(Run("dataset generate two_spirals --rows 5").text, HasSubstr("two_spirals: no such command"));
  EXPECT_THAT(Run("job frob").text, HasSubstr("See cvxnn job --help"));
  EXPECT_THAT(Run("job").text, testing::StartsWith("Train: submit"));
  EXPECT_THAT(Run("job --help").text, testing::Not(HasSubstr("dataset create"))) << "examples of the whole command";
  const auto error = nlohmann::json::parse(Run("job frob --output json").text)["error"];
  EXPECT_THAT(error["message"], testing::StartsWith("frob: no such command"));
  EXPECT_THAT(nlohmann::json::parse(Run("job --output json").text)["error"]["message"],
              testing::StartsWith("a command is missing: cvxnn job has submit"));
}

TEST_F(Command, SaysInItsOwnFlagsWhatIsMissing) {
  WriteFile("x.npy", "");
  EXPECT_THAT(Run("dataset create x.npy").text, HasSubstr("error: --targets is empty: must name the targets"));
  EXPECT_THAT(Run("dataset create x.npy --targets x.npy --test x.npy").text,
              HasSubstr("--test and --test-targets: must be given together"));
  WriteTable("columns.csv");
  EXPECT_THAT(Run("dataset create columns.csv --label hue").text, HasSubstr("--label"));
}

TEST_F(Command, RefusesNumbersThatAreNone) {
  for (const char* arguments : {"server info --timeout nan", "server info --timeout inf", "job list --limit -1",
                                "job list --limit 9223372036854775808", "job watch x --from 0x1",
                                "dataset generate two-spirals --rows 40 --seed -1"}) {
    const Output refused = Run(arguments);
    EXPECT_EQ(refused.exit_status, 2) << arguments << "\n" << refused.text;
  }
  EXPECT_THAT(Run("server info --timeout nan").text, HasSubstr("--timeout: \"nan\": must be a finite number"));
  EXPECT_THAT(Run("job list --limit -1").text,
              HasSubstr("--limit: \"-1\": must be a whole number from 0 to 9223372036854775807"));
}

TEST_F(Command, StaysShortWhateverItIsTold) {
  const std::string digits(5000, '7');
  for (const std::string& arguments : {"job submit convex --seed " + digits, "server info " + digits,
                                       "job submit convex --solver " + digits, "job submit --file " + digits}) {
    const Output refused = Run(arguments);
    EXPECT_EQ(refused.exit_status, 2);
    EXPECT_LT(refused.text.size(), 1000) << refused.text;
  }
}

TEST_F(Command, FailsWhenItsOutputCannotBeWritten) {
  WriteFile("read_only.txt", "");  // opened for reading: every write to it fails
  for (const char* arguments : {"server info", "server info --output json", "--help"}) {
    EXPECT_EQ(Run(std::string(arguments) + " 1< read_only.txt 2> said.txt; echo $?").text, "1\n") << arguments;
    EXPECT_THAT(Run("--version > /dev/null; cat said.txt").text, HasSubstr("standard output could not be written"));
  }
  EXPECT_EQ(Run("dataset describe nowhere 1< read_only.txt 2> said.txt; echo $?").text, "1\n");
  EXPECT_EQ(Run("dataset fetch 1< read_only.txt 2> said.txt; echo $?").text, "2\n");
}

}  // namespace
}  // namespace cvxnn::command
