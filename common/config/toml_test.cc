#include "common/config/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TomlTable Parse(absl::string_view text) {
  auto root = ParseToml(text, "f.toml");
  if (!root.ok()) ADD_FAILURE() << root.status();
  return *std::move(root);
}

TEST(Toml, SyntaxErrorSaysFileLineColumnAndWhat) {
  struct Case {
    const char* text;
    const char* where;
    const char* what;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"[a]\nx =\n", "f.toml:2:", "expected value"},
           {"[a]\nx = 1\nx = 2\n", "f.toml:3:", "cannot redefine"},
           {"[a]\nx = 1\n[a]\ny = 2\n", "f.toml:3:", "cannot redefine"},
           {"x = \"open\n", "f.toml:1:", "string"},
           {"x = \xff\n", "f.toml:1:", "utf-8"},
           {"[a\n", "f.toml:1:", "]"},
           // Violates an assertion of the library.
           {"x = 1\n[@a]\n", "f.toml:2:", "bare key"},
       }) {
    auto root = ParseToml(c.text, "f.toml");
    ASSERT_FALSE(root.ok()) << c.text;
    EXPECT_EQ(root.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(root.status().message(), StartsWith(c.where)) << c.text;
    EXPECT_THAT(root.status().message(), testing::ContainsRegex(c.what)) << c.text;
  }
}

TEST(Toml, SyntaxErrorDoesNotShowAPassword) {
  auto root = ParseToml("upstream = \"https://u:hunter2@h/r\" x\n", "f.toml");
  ASSERT_FALSE(root.ok());
  EXPECT_THAT(root.status().message(), testing::Not(HasSubstr("hunter2")));
}

TEST(Toml, DeepNestingIsAnErrorNotACrash) {
  EXPECT_FALSE(ParseToml("x = " + std::string(100'000, '['), "f.toml").ok());
}

TEST(Toml, KeysThatNobodyAskedForAreUnknown) {
  TomlTable root = Parse("[global]\nbrnch = \"x\"\nbranch = \"y\"\n[zzz]\n[[list]]\nq = 1\n");
  root.Table("global")->String("branch");
  for (const TomlTable& table : root.Tables("list")) table.SetName("one");
  EXPECT_EQ(root.Finish().message(),
            "f.toml:2: [global]: unknown key \"brnch\" (did you mean \"branch\"?)\n"
            "f.toml:4: unknown table \"zzz\" (known: global, list)\n"
            "f.toml:6: [[list]] \"one\": unknown key \"q\"");
}

TEST(Toml, NestedTablesAreNamedByTheirPath) {
  TomlTable root = Parse(
      "[[hosts]]\n[[hosts.checks.http]]\n[[hosts.checks.http]]\nprt = 1\n"
      "[hosts.secrets.key]\nsauce = 1\n");
  TomlTable host = root.Tables("hosts")[0];
  host.SetName("web1");
  for (const TomlTable& check : host.Table("checks")->Tables("http")) check.Has("port");
  for (const auto& [name, secret] : host.NamedTables("secrets")) secret.Has("source");
  EXPECT_EQ(root.Finish().message(),
            "f.toml:4: [[hosts]] \"web1\": checks.http[2]: unknown key \"prt\" "
            "(did you mean \"port\"?)\n"
            "f.toml:6: [[hosts]] \"web1\": secrets.key: unknown key \"sauce\" "
            "(did you mean \"source\"?)");
}

TEST(Toml, ValueOfAnotherTypeSaysWhatWasExpectedAndFound) {
  struct Case {
    const char* text;
    std::function<void(const TomlTable&)> read;
    const char* expected;
  };
  const auto string = [](const TomlTable& t) { t.String("k"); };
  const auto boolean = [](const TomlTable& t) { t.Bool("k"); };
  const auto integer = [](const TomlTable& t) { t.Int("k", 1, 9); };
  const auto strings = [](const TomlTable& t) { t.Strings("k"); };
  const auto duration = [](const TomlTable& t) {
    t.Duration("k", absl::Seconds(1), absl::Hours(1));
  };
  const auto bytes = [](const TomlTable& t) { t.Bytes("k"); };
  const auto table = [](const TomlTable& t) { t.Table("k"); };
  const auto tables = [](const TomlTable& t) { t.Tables("k"); };
  const auto scalar = [](const TomlTable& t) { t.Scalar("k"); };
  const auto choice = [](const TomlTable& t) { t.Choice("k", {"auto", "coordinated"}); };
  for (const Case& c : std::initializer_list<Case>{
           {"k = 1", string, "k: expected a string, found an integer"},
           {"k = 1979-05-27", string, "k: expected a string, found a date or time"},
           {"k = \"a\\nb\"", string, "k: contains a control character or a line break"},
           {"k = \"a\\u0000b\"", string, "k: contains a control character or a line break"},
           {"k = \"\"", [](const TomlTable& t) { t.Text("k"); },
            "k: is empty: give a value, or omit the key"},
           {"k = \"true\"", boolean, "k: expected true or false, found a string"},
           {"k = 1.5", integer, "k: expected an integer, found a float"},
           {"k = 0", integer, "k: 0 is not from 1 to 9"},
           {"k = 10", integer, "k: 10 is not from 1 to 9"},
           {"k = \"a\"", strings, "k: expected an array of strings, found a string"},
           {"k = [\"a\", 1]", strings, "k[2]: expected a string, found an integer"},
           {"k = [\"a\\u0000\"]", strings, "k: element 1 contains a NUL character"},
           {"k = true", duration,
            "k: expected a duration (\"90s\") or a number of seconds, found a boolean"},
           {"k = \"soon\"", duration,
            "k: \"soon\" is not a duration: write it as 90s, 1m30s, 200ms, 2h or a number of "
            "seconds"},
           {"k = 0", duration, "k: 0s is not from 1s to 1h"},
           {"k = -5", duration, "k: -5s is not from 1s to 1h"},
           {"k = \"61m\"", duration, "k: 61m is not from 1s to 1h"},
           {"k = inf", duration, "k: inf is not from 1s to 1h"},
           {"k = true", bytes,
            "k: expected a number of bytes, or text (\"512MiB\"), found a boolean"},
           {"k = 0", bytes, "k: 0 is less than one byte"},
           {"k = 1", table, "k: expected a table ([k]), found an integer"},
           {"[k]", tables, "k: expected an array of tables ([[k]]), found a table"},
           {"k = [1]", tables, "k[1]: expected a table, found an integer"},
           {"[k]", scalar,
            "k: expected a string, number, boolean or array of strings, found a table"},
           {"k = \"atuo\"", choice,
            "k: \"atuo\" is not one of auto, coordinated (did you mean \"auto\"?)"},
       }) {
    TomlTable root = Parse(c.text);
    c.read(root);
    EXPECT_EQ(root.Finish().message(), absl::StrCat("f.toml:1: ", c.expected)) << c.text;
  }
}

TEST(Toml, ValuesAreReadInEveryFormThatIsAllowed) {
  TomlTable root = Parse(
      "s = \"text\"\nb = true\ni = 7\nd1 = 1.5\nd2 = \"90s\"\nd3 = 2\n"
      "m1 = 4096\nm2 = \"512MiB\"\nl = [\"a\", \"b\\nc\"]\n"
      "[t]\nx = \"1\"\ny = \"2\"\n");
  const auto duration = [&](const char* key) {
    return root.Duration(key, absl::ZeroDuration(), absl::Hours(1));
  };
  EXPECT_EQ(root.String("s"), "text");
  EXPECT_EQ(root.Bool("b"), true);
  EXPECT_EQ(root.Int("i", 1, 9), 7);
  EXPECT_EQ(duration("d1"), absl::Milliseconds(1500));
  EXPECT_EQ(duration("d2"), absl::Seconds(90));
  EXPECT_EQ(duration("d3"), absl::Seconds(2));
  EXPECT_EQ(root.Bytes("m1"), 4096);
  EXPECT_EQ(root.Bytes("m2"), int64_t{512} << 20);
  EXPECT_THAT(*root.Strings("l"), ElementsAre("a", "b\nc"));
  EXPECT_THAT(root.StringMap("t"), ElementsAre(testing::Pair("x", "1"), testing::Pair("y", "2")));
  EXPECT_EQ(root.String("absent"), std::nullopt);
  EXPECT_EQ(root.Scalar("i"), "7");
  EXPECT_EQ(root.Scalar("d1"), "1.5");
  EXPECT_EQ(root.Scalar("b"), "true");
  EXPECT_EQ(root.Scalar("l"), "a,b\nc");
  EXPECT_TRUE(root.Finish().ok()) << root.Finish();
}

TEST(Toml, KeysMatchWithoutRegardToCaseButOnlyOnce) {
  TomlTable root = Parse("Branch = \"x\"\n");
  EXPECT_EQ(root.String("branch"), "x");
  EXPECT_TRUE(root.Finish().ok()) << root.Finish();

  TomlTable twice = Parse("Branch = \"x\"\nbranch = \"y\"\n");
  EXPECT_EQ(twice.String("branch"), "y");
  EXPECT_THAT(twice.Finish().message(), HasSubstr("branch: given twice, in different case"));
}

TEST(Toml, FaultsStandInTheOrderOfTheFileAndAreNotWithoutNumber) {
  std::string text;
  for (int i = 0; i < 150; ++i) text += absl::StrCat("k", i, "xxxxxxxxxx = 1\n");
  TomlTable root = Parse(text);
  const std::string message(root.Finish().message());
  EXPECT_LT(message.find("f.toml:9:"), message.find("f.toml:10:"));
  EXPECT_THAT(message, HasSubstr("f.toml:100:"));
  EXPECT_THAT(message, testing::Not(HasSubstr("f.toml:101:")));
  EXPECT_THAT(message, HasSubstr("and 50 more errors"));
}

TEST(Toml, FinishCanBeAskedTwice) {
  TomlTable root = Parse("x = 1\n");
  const absl::Status first = root.Finish();
  EXPECT_EQ(root.Finish(), first);
}

TEST(ConfigText, SizesAreReadWithUnits) {
  EXPECT_EQ(*ParseBytesText("500"), 500);
  EXPECT_EQ(*ParseBytesText("500B"), 500);
  EXPECT_EQ(*ParseBytesText("10MB"), 10'000'000);
  EXPECT_EQ(*ParseBytesText("1 GiB"), int64_t{1} << 30);
  for (const char* text : {"", "MiB", "-1", "1.5MiB", "5 apples", "5mib", "9999999999999TiB"}) {
    auto bytes = ParseBytesText(text);
    EXPECT_FALSE(bytes.ok()) << text << " read as " << *bytes;
  }
}

TEST(ConfigText, ThatCannotBeReadSaysWhichFileAndWhy) {
  const std::string directory = testing::TempDir();
  auto missing = ReadConfigText(directory + "/no-such.toml");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("/no-such.toml"));

  auto folder = ReadConfigText(directory);
  EXPECT_THAT(folder.status().message(), HasSubstr("it is a directory"));

  auto endless = ReadConfigText("/dev/zero");
  EXPECT_THAT(endless.status().message(), HasSubstr("larger than"));

  std::ofstream(directory + "/a.toml") << "x = 1\n";
  EXPECT_EQ(*ReadConfigText(directory + "/a.toml"), "x = 1\n");
}

}  // namespace
}  // namespace gitops
