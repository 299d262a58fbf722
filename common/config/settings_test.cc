#include "common/config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Type = SettingDefinition::Type;

// As the agent has them, gitopper's short flags among them.
std::vector<SettingDefinition> Definitions() {
  std::vector<SettingDefinition> definitions =
      CommonServerSettings({"127.0.0.1:8004", "127.0.0.1:9222", "/var/lib/agent"});
  definitions.push_back({"hosts", "h", "aliases", "", Type::kList, true, {}});
  definitions.push_back(
      {"poll", "t", "how often to look", "60s", Type::kDuration, true, {}, absl::Milliseconds(10)});
  definitions.push_back({"root", "o", "publish by mounts", "true", Type::kBool, true, {}});
  definitions.push_back({"debug", "d", "log more", "false", Type::kBool, true, {}});
  definitions.push_back({"restart", "r", "no effect", "false", Type::kBool, true, {}});
  definitions.push_back({"keep", "k", "how many", "3", Type::kInt, true, {}});
  return definitions;
}

using Environment = std::map<std::string, std::string>;

absl::StatusOr<Settings> Read(const std::vector<std::string>& arguments,
                              const Environment& environment = {},
                              absl::string_view file_text = "") {
  return ReadSettings(
      Definitions(), "agent", arguments,
      [&](const std::string& name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        return found == environment.end() ? std::nullopt : std::optional(found->second);
      },
      file_text, "f.toml");
}

Settings Good(const std::vector<std::string>& arguments, const Environment& environment = {},
              absl::string_view file_text = "") {
  auto settings = Read(arguments, environment, file_text);
  if (!settings.ok()) ADD_FAILURE() << settings.status();
  return settings.ok() ? *settings : Settings();
}

std::string Fault(const std::vector<std::string>& arguments, const Environment& environment = {},
                  absl::string_view file_text = "") {
  auto settings = Read(arguments, environment, file_text);
  EXPECT_EQ(settings.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(settings.status().message());
}

TEST(Settings, FlagBeatsVariableBeatsFileBeatsDefault) {
  struct Case {
    std::vector<std::string> arguments;
    Environment environment;
    const char* file;
    const char* value;
    const char* origin;
  };
  constexpr char kFile[] = "[agent]\n\nlisten = \"file:1\"\n";
  const Environment variable = {{"GITOPS_LISTEN", "variable:1"}};
  for (const Case& c : std::initializer_list<Case>{
           {{"--listen", "flag:1"}, variable, kFile, "flag:1", "--listen"},
           {{}, variable, kFile, "variable:1", "GITOPS_LISTEN"},
           {{}, {}, kFile, "file:1", "f.toml:3"},
           {{}, {}, "", "127.0.0.1:8004", "default"},
           {{}, {{"GITOPS_LISTEN", ""}}, "", "127.0.0.1:8004", "default"},
           {{"--listen="}, variable, kFile, "", "--listen"},
       }) {
    const Settings settings = Good(c.arguments, c.environment, c.file);
    EXPECT_EQ(settings.Get("listen"), c.value);
    EXPECT_EQ(settings.Origin("listen"), c.origin);
    EXPECT_EQ(settings.IsSet("listen"), settings.Origin("listen") != "default");
  }
}

TEST(Settings, FlagsAreTakenInEveryFormThatGitopperTakes) {
  struct Case {
    std::vector<std::string> arguments;
    const char* name;
    const char* value;
  };
  for (const Case& c : std::initializer_list<Case>{
           {{"-c", "x.toml"}, "config", "x.toml"},
           {{"-c=x.toml"}, "config", "x.toml"},
           {{"-cx.toml"}, "config", "x.toml"},
           {{"--config=x.toml"}, "config", "x.toml"},
           {{"--config", "x.toml"}, "config", "x.toml"},
           {{"--config=a=b"}, "config", "a=b"},
           {{"--config", "-"}, "config", "-"},
           {{"-h", "me,you"}, "hosts", "me,you"},
           {{"-h=me,you"}, "hosts", "me,you"},
           {{"-h", "me", "--hosts", "you"}, "hosts", "me,you"},
           {{"--listen", "[::1]"}, "listen", "[::1]"},
           {{"--listen", "a:1", "--listen", "b:2"}, "listen", "a:1,b:2"},
           {{"--state-dir", "/a", "--state-dir", "/b"}, "state-dir", "/b"},
           {{"-m", ":9"}, "metrics-listen", ":9"},
           {{"-t", "5m0s"}, "poll", "5m0s"},
           {{"-d"}, "debug", "true"},
           {{"--debug=1"}, "debug", "true"},
           {{"-rd"}, "debug", "true"},
           {{"-d=false"}, "debug", "false"},
           {{"--root=false"}, "root", "false"},
           {{"-o=false"}, "root", "false"},
           {{"-o"}, "root", "true"},
           {{"--root=FALSE", "--root"}, "root", "true"},
           {{"--keep", "-5"}, "keep", "-5"},
       }) {
    EXPECT_EQ(Good(c.arguments).Get(c.name), c.value)
        << c.arguments[0] << " " << c.arguments.back();
  }
}

TEST(Settings, RepeatableFlagDoesNotSwallowWhatFollows) {
  EXPECT_THAT(Fault({"--hosts", "a", "b"}), HasSubstr("unexpected argument \"b\""));
  EXPECT_THAT(Good({"--hosts", "a", "--debug"}).GetList("hosts"), ElementsAre("a"));
}

TEST(Settings, ValuesAreReadByType) {
  const Settings settings =
      Good({"--hosts", "a, b,,c", "--poll", "1.5", "--keep=7", "--debug"}, {}, "");
  EXPECT_THAT(settings.GetList("hosts"), ElementsAre("a", "b", "c"));
  EXPECT_EQ(settings.GetDuration("poll"), absl::Milliseconds(1500));
  EXPECT_EQ(settings.GetInt("keep"), 7);
  EXPECT_TRUE(settings.GetBool("debug"));
  EXPECT_TRUE(settings.GetBool("root"));
  EXPECT_FALSE(settings.GetBool("insecure"));
  EXPECT_THAT(Good({}).GetList("hosts"), IsEmpty());
}

TEST(Settings, FileTakesTomlsOwnTypes) {
  const Settings settings =
      Good({}, {},
           "[agent]\nhosts = [\"a\", \"b\"]\npoll = 5\nroot = false\nkeep = 9\n"
           "[planner]\nwhatever = 1\n[[services]]\nx = 1\n");
  EXPECT_THAT(settings.GetList("hosts"), ElementsAre("a", "b"));
  EXPECT_EQ(settings.GetDuration("poll"), absl::Seconds(5));
  EXPECT_FALSE(settings.GetBool("root"));
  EXPECT_EQ(settings.GetInt("keep"), 9);
}

TEST(Settings, FaultsNameTheirOriginAndTheNearestKey) {
  struct Case {
    std::vector<std::string> arguments;
    Environment environment;
    const char* file;
    const char* expected;
  };
  for (const Case& c : std::initializer_list<Case>{
           {{"--lisen", "x"}, {}, "", "unknown flag --lisen (did you mean \"--listen\"?)"},
           {{"--lisen=x"}, {}, "", "unknown flag --lisen (did you mean \"--listen\"?)"},
           {{"--qqqqqqqq"}, {}, "", "unknown flag --qqqqqqqq: see --help"},
           {{"-z"}, {}, "", "unknown flag -z: see --help"},
           {{"-dz"}, {}, "", "unknown flag -z: see --help"},
           {{"stray"}, {}, "", "unexpected argument \"stray\": see --help"},
           {{"--", "stray"}, {}, "", "unexpected argument \"stray\": see --help"},
           {{"--debug", "true"}, {}, "", "unexpected argument \"true\": see --help"},
           {{"--poll", "soon"},
            {},
            "",
            "--poll: \"soon\" is not a duration: write it as 90s, 1m30s, 200ms, 2h or a number of "
            "seconds"},
           {{"--root=maybe"}, {}, "", "--root: \"maybe\" is not true or false"},
           {{"--keep=x"}, {}, "", "--keep: \"x\" is not a whole number"},
           {{"--log-format=jsn"},
            {},
            "",
            "--log-format: \"jsn\" is not one of text, json (did you mean \"json\"?)"},
           {{}, {{"GITOPS_ROOT", "maybe"}}, "", "GITOPS_ROOT: \"maybe\" is not true or false"},
           {{},
            {{"GITOPS_LOG_LEVEL", "loud"}},
            "",
            "GITOPS_LOG_LEVEL: \"loud\" is not one of debug, info, warning, error"},
           {{},
            {},
            "[agent]\nlisen = \"x\"\n",
            "f.toml:2: [agent]: unknown key \"lisen\" (did you mean \"listen\"?)"},
           {{},
            {},
            "[agent]\npoll = \"soon\"\n",
            "f.toml:2: [agent]: poll: \"soon\" is not a duration: write it as 90s, 1m30s, 200ms, "
            "2h "
            "or a number of seconds"},
           {{"--poll=1s"},
            {},
            "[agent]\npoll = []\n",
            "f.toml:2: [agent]: poll: \"\" is not a duration: write it as 90s, 1m30s, 200ms, 2h or "
            "a "
            "number of seconds"},
           {{},
            {},
            "[agent]\nlog-level = \"inf\"\n",
            "f.toml:2: [agent]: log-level: \"inf\" is not one of debug, info, warning, error (did "
            "you "
            "mean \"info\"?)"},
           {{}, {}, "[agnt]\n", "f.toml:1: unknown table \"agnt\" (did you mean \"agent\"?)"},
           {{}, {}, "agent = 1\n", "f.toml:1: agent: expected a table ([agent]), found an integer"},
       }) {
    EXPECT_EQ(Fault(c.arguments, c.environment, c.file), c.expected);
  }
}

TEST(Settings, DurationBelowItsLeastIsAFaultWhereverItIsGiven) {
  EXPECT_EQ(Fault({"--poll", "0s"}), "--poll: \"0s\" is less than 10ms");
  EXPECT_EQ(Fault({"-t=9ms"}), "--poll: \"9ms\" is less than 10ms");
  EXPECT_EQ(Fault({}, {{"GITOPS_POLL", "0"}}), "GITOPS_POLL: \"0\" is less than 10ms");
  EXPECT_EQ(Fault({}, {}, "[agent]\npoll = 0\n"),
            "f.toml:2: [agent]: poll: \"0\" is less than 10ms");
  EXPECT_EQ(Good({"--poll", "10ms"}).GetDuration("poll"), absl::Milliseconds(10));
}

TEST(Settings, MissingValueOfAFlagIsAFaultThatNamesIt) {
  EXPECT_THAT(Fault({"--listen"}), HasSubstr("--listen"));
}

TEST(Settings, FlagAndVariableOnlySettingsAreNoKeysOfTheFile) {
  for (const char* key : {"config", "version", "check-config"}) {
    EXPECT_THAT(Fault({}, {}, absl::StrCat("[agent]\n", key, " = \"x\"\n")),
                HasSubstr(absl::StrCat("unknown key \"", key, "\"")));
  }
  EXPECT_EQ(Good({}, {{"GITOPS_CONFIG", "x.toml"}}).Get("config"), "x.toml");
}

TEST(Settings, AllFaultsAreToldAtOnce) {
  EXPECT_EQ(Fault({"--poll=x", "--root=x"}, {{"GITOPS_KEEP", "x"}}),
            "--poll: \"x\" is not a duration: write it as 90s, 1m30s, 200ms, 2h or a number of "
            "seconds\n--root: \"x\" is not true or false\nGITOPS_KEEP: \"x\" is not a whole "
            "number");
}

TEST(Settings, UnknownVariablesAreNobodysBusiness) {
  EXPECT_EQ(Good({}, {{"GITOPS_LISEN", "x"}}).Get("listen"), "127.0.0.1:8004");
}

TEST(Settings, HelpIsAFlagOfEveryProgramAndNotShort) {
  EXPECT_FALSE(Good({}).GetBool("help"));
  EXPECT_TRUE(Good({"--help"}).GetBool("help"));
  const std::string usage = UsageText("gitops-agent [FLAGS]", Definitions());
  EXPECT_THAT(usage, HasSubstr("Usage: gitops-agent [FLAGS]"));
  EXPECT_THAT(usage, HasSubstr("  -h, --hosts A,B,…"));
  EXPECT_THAT(usage, HasSubstr("(default 127.0.0.1:8004)"));
  for (const SettingDefinition& definition : Definitions()) {
    EXPECT_THAT(usage, HasSubstr(absl::StrCat("--", definition.name)));
  }
}

TEST(Settings, ProcessEnvironmentIsLookedUp) {
  setenv("GITOPS_TEST_ONLY", "x", 1);
  EXPECT_EQ(ProcessEnvironment("GITOPS_TEST_ONLY"), "x");
  unsetenv("GITOPS_TEST_ONLY");
  EXPECT_EQ(ProcessEnvironment("GITOPS_TEST_ONLY"), std::nullopt);
}

TEST(SettingsDeathTest, AskingForAnUndefinedSettingIsABugThatEndsTheProgram) {
  const Settings settings = Good({});
  EXPECT_DEATH(settings.Get("lisen"), "the setting \"lisen\" is not defined");
}

TEST(SettingsReference, ListsEverySettingThatAllServersTake) {
  std::ifstream file("docs/reference/settings.md");
  std::stringstream reference;
  reference << file.rdbuf();
  for (const SettingDefinition& definition : CommonServerSettings({})) {
    EXPECT_THAT(reference.str(), HasSubstr(absl::StrCat("`--", definition.name, "`")));
    std::string variable = absl::StrCat("`GITOPS_", definition.name, "`");
    for (char& c : variable) c = c == '-' ? '_' : static_cast<char>(toupper(c));
    EXPECT_THAT(reference.str(), HasSubstr(variable));
  }
}

}  // namespace
}  // namespace gitops
