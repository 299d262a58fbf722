#include "agent/nix/hydra_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kPath[] = "/nix/store/5kygizyc20g98rhqd50gijykcgcmaw7s-web";

TEST(ReadBuild, FinishedIsANumberOrABooleanAndTheRestMayBeAnything) {
  const struct {
    const char* text;
    std::optional<bool> finished;
    std::optional<int64_t> status;
  } cases[] = {
      {R"({"id": 1, "finished": 1, "buildstatus": 0})", true, 0},
      {R"({"id": 1, "finished": true, "buildstatus": 0})", true, 0},
      {R"({"id": 1, "finished": 0, "buildstatus": null})", false, std::nullopt},
      {R"({"id": 1, "finished": false})", false, std::nullopt},
      {R"({"id": 1, "finished": "yes", "buildstatus": "0"})", std::nullopt, std::nullopt},
      {R"({"id": 1, "finished": 1, "buildstatus": 2, "jobsetevals": 7, "job": null})", true, 2},
      {R"({"id": 1, "buildoutputs": [], "new": {"member": [1, {"of": "hydra"}]}})", std::nullopt,
       std::nullopt},
      {R"({"buildoutputs": {}})", std::nullopt, std::nullopt},
  };
  for (const auto& c : cases) {
    const auto build = ReadBuild(c.text);
    ASSERT_TRUE(build.ok()) << c.text << build.status();
    EXPECT_EQ(build->finished, c.finished) << c.text;
    EXPECT_EQ(build->status, c.status) << c.text;
  }
}

TEST(ReadBuild, WhatIsNoBuildIsDataLossThatShowsItsBegin) {
  for (const char* text : {"", "<!DOCTYPE html><html>", "{\"id\": 1", "[]", "null", "{}", "7",
                           "\"text\"", "{\"id\": 1} trailing", "\xff\xfe"}) {
    EXPECT_EQ(ReadBuild(text).status().code(), absl::StatusCode::kDataLoss) << text;
  }
  EXPECT_THAT(std::string(ReadBuild("<!DOCTYPE html>\nmore").status().message()),
              HasSubstr("\"<!DOCTYPE html>\""));
  const std::string deep(1 << 20, '[');
  EXPECT_EQ(ReadBuild(deep).status().code(), absl::StatusCode::kDataLoss);
}

TEST(OutputOf, TheOutputNamedOutIsChosenFromSeveral) {
  const auto build = ReadBuild(absl::StrCat(
      R"({"id": 9, "buildoutputs": {"dev": {"path": "/nix/store/x"}, "out": {"path": ")", kPath,
      R"("}}})"));
  ASSERT_TRUE(build.ok());
  EXPECT_EQ(*OutputOf(*build, "/nix/store"), kPath);
}

TEST(OutputOf, AMissingEmptyOrForeignPathIsRefusedWithTheBuildsNumber) {
  const struct {
    const char* outputs;
    const char* why;
  } cases[] = {
      {"{}", "but none"},
      {R"({"dev": {"path": "/nix/store/x"}, "lib": {}})", "but \"dev\", \"lib\""},
      {R"({"out": {"path": ""}})", "empty"},
      {R"({"out": {}})", "empty"},
      {R"({"out": null})", "empty"},
      {R"({"out": {"path": ["/nix/store"]}})", "empty"},
      {R"({"out": {"path": "/etc"}})", "not in /nix/store"},
      {R"({"out": {"path": "/nix/store/5kygizyc20g98rhqd50gijykcgcmaw7s-web/../../../etc"}})",
       "name"},
  };
  for (const auto& c : cases) {
    const auto build = ReadBuild(absl::StrCat(R"({"id": 9, "buildoutputs": )", c.outputs, "}"));
    ASSERT_TRUE(build.ok()) << c.outputs;
    const absl::Status status = OutputOf(*build, "/nix/store").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << c.outputs;
    EXPECT_THAT(std::string(status.message()), HasSubstr("build 9")) << c.outputs;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.why)) << c.outputs;
  }
}

TEST(ReadBuilds, EveryBuildOfAListIsRead) {
  const auto builds = ReadBuilds(
      R"([{"id": 1, "job": "a", "finished": 1, "buildstatus": 0, "jobsetevals": [4, 5],
           "buildoutputs": {"out": {"path": "p"}}, "buildproducts": {"1": {"id": 7}}},
          {"id": 2, "job": "b", "finished": 0, "buildstatus": null, "meta": [{"id": 3}]}])");
  ASSERT_TRUE(builds.ok()) << builds.status();
  ASSERT_EQ(builds->size(), 2);
  EXPECT_TRUE(Succeeded((*builds)[0]));
  EXPECT_EQ((*builds)[0].outputs.at("out"), "p");
  EXPECT_THAT((*builds)[0].evaluations, ElementsAre(4, 5));
  EXPECT_EQ((*builds)[1].id, 2);
  EXPECT_EQ((*builds)[1].job, "b");
  EXPECT_FALSE(Succeeded((*builds)[1]));
  EXPECT_THAT(*ReadBuilds("[]"), IsEmpty());
}

TEST(ReadBuilds, AListWithSomethingElseOrWithoutItsEndIsRefusedAsAWhole) {
  for (const char* text : {"{}", "null", "", "[1]", "[{\"id\": 1}, 2]", "[{\"id\": 1}, {}]",
                           "[{\"id\": 1}, {\"id\": 2}", "[[{\"id\": 1}]]", "<html>"}) {
    EXPECT_EQ(ReadBuilds(text).status().code(), absl::StatusCode::kDataLoss) << text;
  }
}

TEST(ReadEvaluations, NumbersAreNewestFirstAndTheNextPageIsNamed) {
  const auto page = ReadEvaluations(
      R"({"evals": [{"id": 7, "builds": [1, 2]}, {"id": 9, "builds": "any"}], "next": "?page=2"})");
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->ids, ElementsAre(9, 7));
  EXPECT_EQ(page->next, "?page=2");
  EXPECT_EQ(ReadEvaluations(R"({"evals": []})")->next, "");
  for (const char* text : {"{}", "[]", "{\"evals\": {}}", "{\"evals\": [{}]}", "<html>"}) {
    EXPECT_EQ(ReadEvaluations(text).status().code(), absl::StatusCode::kDataLoss) << text;
  }
}

TEST(ReadErrors, OnlyTheFirstLineIsKept) {
  EXPECT_EQ(*ReadErrors("{\"errormsg\": \"\\nerror: a\\nin b\"}"), "error: a");
  EXPECT_EQ(*ReadErrors(R"({"errormsg": null})"), "");
  EXPECT_EQ(*ReadErrors(R"({})"), "");
  EXPECT_EQ(ReadErrors("[]").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace gitops
