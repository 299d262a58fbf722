#include "services/promotion_receiver/yaml/yaml_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Refusal(const std::string& text) {
  const auto file = YamlFile::Parse(text, "x.yaml");
  return file.ok() ? "" : std::string(file.status().message());
}

YamlFile Parsed(const std::string& text) {
  auto file = YamlFile::Parse(text, "x.yaml");
  EXPECT_TRUE(file.ok()) << file.status();
  return *std::move(file);
}

std::string Faults(const YamlFile& file) { return std::string(file.Finish().message()); }

TEST(YamlMapTest, ValuesAreReadByTheirType) {
  const YamlFile file = Parsed(
      "text: hello\nquoted: \"7\"\nyes: true\nnumber: -7\ntime: 1m30s\nseconds: 90\n"
      "list: [a, 'b']\nmap: {inner: x}\nmaps:\n- inner: y\n- inner: z\nnothing:\npercent: 25%\n"
      "amount: 3\n");
  const YamlMap map = file.documents()[0];
  EXPECT_EQ(map.Text("text"), "hello");
  EXPECT_EQ(map.Text("quoted"), "7");
  EXPECT_EQ(map.Bool("yes"), true);
  EXPECT_EQ(map.Int("number", -10, 10), -7);
  EXPECT_EQ(map.Duration("time", absl::Hours(1)), absl::Seconds(90));
  EXPECT_EQ(map.Duration("seconds", absl::Hours(1)), absl::Seconds(90));
  EXPECT_THAT(map.Strings("list"), ElementsAre("a", "b"));
  EXPECT_EQ(map.Map("map")->Text("inner"), "x");
  EXPECT_EQ(map.Maps("maps")[1].Text("inner"), "z");
  EXPECT_EQ(map.TextOrInt("percent"), "25%");
  EXPECT_EQ(map.TextOrInt("amount"), "3");
  EXPECT_FALSE(map.Has("nothing"));
  EXPECT_EQ(map.Text("absent"), std::nullopt);
}

TEST(YamlMapTest, WrongTypesAreReportedWithLineAndPath) {
  const YamlFile file = Parsed(
      "a: 7\nb: no\nc: [x]\nd: {x: y}\ne: \"true\"\nf: 1.5\ng: x\nh: [x, 7]\ni: ''\nj: \"a\\tb\"\n"
      "k:\n- x\nl: 9d\nm: 100\nn: pear\n");
  const YamlMap map = file.documents()[0];
  map.Text("a");
  map.Text("b");
  map.Text("c");
  map.Strings("d");
  map.Bool("e");
  map.Int("f", 0, 9);
  map.Map("g");
  map.Strings("h");
  map.Text("i");
  map.Text("j");
  map.Maps("k");
  map.Duration("l", absl::Hours(1));
  map.Int("m", 0, 9);
  map.Choice("n", {"apple", "peas"});
  const std::string faults = Faults(file);
  for (const char* fault : {
           "x.yaml:1: a: \"7\" is not a string; put it in quotes",
           "x.yaml:2: b: \"no\" is not a string; put it in quotes",
           "x.yaml:3: c: it is a list, not a string",
           "x.yaml:4: d: it is a mapping, not a list",
           "x.yaml:5: e: it is neither true nor false",
           "x.yaml:6: f: it is not an integer",
           "x.yaml:7: g: it is a scalar, not a mapping",
           "x.yaml:8: h[1]: \"7\" is not a string; put it in quotes",
           "x.yaml:9: i: it is empty",
           "x.yaml:10: j: it has control characters",
           "x.yaml:12: k[0]: it is a scalar, not a mapping",
           "x.yaml:13: l: ",
           "x.yaml:14: m: 100 is not from 0 to 9",
           "x.yaml:15: n: \"pear\" is not one of apple, peas",
       }) {
    EXPECT_THAT(faults, HasSubstr(fault));
  }
}

TEST(YamlMapTest, UnknownAndRepeatedKeysAreReported) {
  const YamlFile file =
      Parsed("name: a\nnmae: b\nmap:\n  x: 1\n  x: 2\n---\nname: c\n? [a]\n: b\n");
  for (const YamlMap& map : file.documents()) map.Text("name");
  file.documents()[0].Map("map")->Int("x", 0, 9);
  const std::string faults = Faults(file);
  EXPECT_THAT(faults, HasSubstr("x.yaml:2: unknown key \"nmae\" (did you mean \"name\"?)"));
  EXPECT_THAT(faults, HasSubstr("x.yaml:5: map: the key \"x\" is repeated"));
  EXPECT_THAT(faults, HasSubstr("x.yaml:8: unknown key"));
}

TEST(YamlMapTest, EmptyDocumentsAreLeftOut) {
  EXPECT_EQ(Parsed("---\n# nothing\n---\na: b\n---\n").documents().size(), 1u);
  EXPECT_TRUE(Parsed("").documents().empty());
}

TEST(YamlMapTest, WhatIsNoYamlOrOverALimitIsRefusedWithItsPlace) {
  EXPECT_THAT(Refusal("a: b\nc: [d\n"), HasSubstr("x.yaml:3:1: "));
  EXPECT_THAT(Refusal("a: b\n- c\n"), HasSubstr("x.yaml:2:"));
  EXPECT_THAT(Refusal("- a\n"), HasSubstr("x.yaml:1: the document is a list, not a mapping"));
  EXPECT_THAT(Refusal("a: \xff\n"), HasSubstr("x.yaml: it is not UTF-8 text"));
  EXPECT_THAT(Refusal(std::string("a: b\0", 5)), HasSubstr("not UTF-8 text"));
  EXPECT_THAT(Refusal("a: " + std::string(2 << 20, 'x')), HasSubstr("at most 1048576 are read"));
  EXPECT_THAT(Refusal("a: " + std::string(40, '[') + std::string(40, ']')),
              HasSubstr("nested deeper than 32"));
  EXPECT_NE(Refusal("a: " + std::string(100'000, '[')), "");
  EXPECT_NE(Refusal("a: " + std::string(100'000, '{')), "");
  std::string aliases = "a: &a b\nc: [";
  for (int i = 0; i < 1001; ++i) aliases += "*a,";
  EXPECT_THAT(Refusal(aliases + "]\n"), HasSubstr("more than 1000 aliases"));
  EXPECT_THAT(Refusal("a: &a [*a]\n"), HasSubstr("an alias of the value in which it stands"));
  EXPECT_THAT(Refusal("a: *b\n"), HasSubstr("x.yaml:1:"));
}

TEST(YamlMapTest, AliasIsTheValue) {
  const YamlFile file = Parsed("a: &x {name: y}\nb: *x\n");
  EXPECT_EQ(file.documents()[0].Map("a")->Text("name"), "y");
  EXPECT_EQ(file.documents()[0].Map("b")->Text("name"), "y");
  EXPECT_TRUE(file.Finish().ok()) << file.Finish();
}

}  // namespace
}  // namespace gitops
