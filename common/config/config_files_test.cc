#include "common/config/config_files.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/config/fleet.h"
#include "common/path/fd.h"
#include "common/path/temporary_directory.h"

namespace gitops {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

namespace fs = std::filesystem;

class ConfigFilesTest : public testing::Test {
 protected:
  std::string Main() const { return directory_ / "etc/fleet.toml"; }
  // A file beneath the main file's directory.
  void Write(const std::string& name, const std::string& text) {
    directory_.Write("etc/" + name, text);
  }

  // The included files, relative to the main file's directory.
  std::vector<std::string> Included() {
    const ConfigReading reading = ReadConfigFiles(Main());
    if (!reading.files.ok()) ADD_FAILURE() << reading.files.status().message();
    std::vector<std::string> names;
    if (!reading.files.ok()) return names;
    for (const ConfigFiles::File& file : reading.files->included) {
      names.push_back(fs::relative(file.path, directory_ / "etc"));
    }
    return names;
  }

  // Errors, with the directory left out.
  std::string Faults() {
    const auto config = LoadFleetConfig(Main());
    if (config.ok()) return "";
    std::string text(config.status().message());
    const std::string directory = absl::StrCat(directory_.path(), "/etc/");
    for (size_t at = 0; (at = text.find(directory)) != std::string::npos;) {
      text.erase(at, directory.size());
    }
    return text;
  }

  TemporaryDirectory directory_;
};

TEST_F(ConfigFilesTest, AFileWithoutIncludesIsItself) {
  Write("fleet.toml", "# include nothing\n[global]\n");
  EXPECT_THAT(Included(), IsEmpty());
  const ConfigReading reading = ReadConfigFiles(Main());
  EXPECT_EQ(reading.files->Packed(), "# include nothing\n[global]\n");
  EXPECT_THAT(reading.watched, IsEmpty());
  EXPECT_FALSE(ReadConfigFiles(directory_ / "etc/none.toml").has_main);
}

TEST_F(ConfigFilesTest, GlobsMatchInTheOrderOfNamesAndFilesMayIncludeFurtherOnes) {
  Write("fleet.toml", "include = [\"services/*.toml\", \"hosts/{db,web}.toml\", \"late.toml\"]\n");
  for (const char* name :
       {"services/b.toml", "services/a.toml", "services/c.txt", "services/.hidden.toml",
        "hosts/web.toml", "hosts/db.toml", "late.toml", "unnamed.toml"}) {
    Write(name, "");
  }
  Write("services/a.toml", "include = [\"more/x.toml\", \"../unnamed.toml\"]\n");
  Write("services/more/x.toml", "");
  EXPECT_THAT(Included(),
              ElementsAre("services/a.toml", "services/more/x.toml", "unnamed.toml",
                          "services/b.toml", "hosts/db.toml", "hosts/web.toml", "late.toml"));
}

TEST_F(ConfigFilesTest, AFileIsIncludedOnce) {
  Write("fleet.toml", "include = [\"a.toml\", \"*.toml.d/*\", \"./a.toml\", \"b/*.toml\"]\n");
  Write("a.toml", "include = [\"b/x.toml\"]\n");
  Write("b/x.toml", "");
  EXPECT_THAT(Included(), ElementsAre("a.toml", "b/x.toml"));
  EXPECT_THAT(ReadConfigFiles(Main()).watched,
              UnorderedElementsAre(directory_ / "etc/a.toml", directory_ / "etc/b/x.toml",
                                   directory_ / "etc/", directory_ / "etc/b"));
}

TEST_F(ConfigFilesTest, WhatAnIncludedFileHasCountsAndItsPathsAreItsOwn) {
  Write("fleet.toml",
        "include = [\"services/*.toml\"]\n[global]\nupstream = \"/x\"\nssh_key = \"key\"\n");
  Write("services/web.toml", R"([[services]]
tagged = ["web"]
service = "nginx"
known_hosts = "known_hosts"
[[hosts]]
name = "web1"
tags = ["web"]
[[checks]]
tagged = ["web"]
http = { port = 80 }
[[secrets]]
name = "k"
tagged = ["web"]
source = "keys/k"
destination = "/d"
)");
  const auto config = LoadFleetConfig(Main());
  ASSERT_TRUE(config.ok()) << config.status();
  const auto services = ServicesOf(*config, "web1");
  ASSERT_THAT(*services, SizeIs(1));
  EXPECT_EQ((*services)[0].upstream.url, "/x");
  EXPECT_EQ((*services)[0].upstream.ssh_key, directory_ / "etc/key");
  EXPECT_EQ((*services)[0].upstream.known_hosts, directory_ / "etc/services/known_hosts");
  EXPECT_EQ(config->hosts.at(0).secrets.at("k").source, directory_ / "etc/services/keys/k");
  EXPECT_THAT(config->hosts[0].health_checks.http, SizeIs(1));
}

TEST_F(ConfigFilesTest, ErrorsNameTheIncludedFileAndItsLine) {
  Write("fleet.toml", "include = [\"services/*.toml\"]\nbranch = \"x\"\n");
  Write("services/a.toml",
        "\n[[services]]\nservice = \"a\"\nmachine = \"m\"\nupstream = \"/x\"\n"
        "brnch = \"x\"\n");
  Write("services/b.toml", "[global]\nuser = \"joe\"\n[[hots]]\n");
  EXPECT_EQ(Faults(),
            "fleet.toml:2: unknown key \"branch\" (known: agent, checks, clusters, fleet, gateway, "
            "global, hook-dispatcher, hooks, hosts, include, keys, planner, promotion-receiver, "
            "secrets, services, sinks, webhooks)\n"
            "services/a.toml:6: [[services]] \"a\": unknown key \"brnch\" (did you mean "
            "\"branch\"?)\n"
            "services/b.toml:1: global: stands in the main file only, fleet.toml; an included file "
            "has services, hosts, checks, secrets and include\n"
            "services/b.toml:3: unknown table \"hots\" (did you mean \"hosts\"?)");
  Write("services/b.toml", "[[services\n");
  EXPECT_THAT(Faults(), HasSubstr("services/b.toml:1:11: "));
  Write("fleet.toml", "include = \"services/*.toml\"\n");
  EXPECT_EQ(Faults(), "fleet.toml:1: include: expected an array of strings, found a string");
}

TEST_F(ConfigFilesTest, ConflictsBetweenFilesNameBoth) {
  Write("fleet.toml",
        "include = [\"*.d/*.toml\"]\n[global]\nupstream = \"/x\"\n"
        "[[services]]\nmachines = [\"*\"]\nservice = \"a\"\n");
  Write("x.d/a.toml",
        "[[services]]\ntagged = [\"t\"]\nservice = \"a\"\n[[hosts]]\nname = \"h\"\n"
        "tags = [\"t\"]\n");
  Write("x.d/b.toml", "");
  EXPECT_THAT(Faults(), AllOf(HasSubstr("x.d/a.toml:1: [[services]] \"a\": service: is given twice "
                                        "for h by tagged or machines, first in fleet.toml:4")));
  Write("x.d/b.toml", "[[hosts]]\nname = \"H\"\n");
  EXPECT_EQ(Faults(),
            "x.d/b.toml:2: [[hosts]] \"H\": name: \"H\" is given twice, first in x.d/a.toml:4");
}

TEST_F(ConfigFilesTest, RulesOfIncludeAreErrorsOfTheFileThatBreaksThem) {
  directory_.Write("outside.toml", "");
  Write("ok.toml", "");
  fs::create_symlink("ok.toml", directory_ / "etc/link.toml");
  fs::create_directory(directory_ / "etc/directory.toml");
  fs::create_directory_symlink("..", directory_ / "etc/up");
  ASSERT_EQ(mkfifo((directory_ / "etc/pipe.toml").c_str(), 0600), 0);
  Write("large.toml", std::string((1 << 20) + 1, '\n'));
  Write("full.toml", std::string(1 << 20, '\n'));
  const struct {
    const char* pattern;
    const char* expected;
  } cases[] = {
      {"ok.toml", ""},
      {"full.toml", ""},
      {"none/*.toml", ""},
      {"dir*/none.toml", ""},
      {"none.toml", "include: \"none.toml\" does not exist"},
      {"", "include: \"\" is empty"},
      {"/etc/x.toml", "include: \"/etc/x.toml\" is absolute: write a path relative to this file"},
      {"../outside.toml",
       "include: \"../outside.toml\" leads out of the directory of the main file: included files "
       "are beneath it"},
      {"a/../../etc/ok.toml",
       "include: \"a/../../etc/ok.toml\" leads out of the directory of the main file"},
      {"link.toml",
       "include: \"link.toml\" open \"link.toml\": it contains a symbolic link, which "
       "is not allowed here"},
      {"lin*.toml", "include: \"link.toml\" open \"link.toml\": it contains a symbolic link"},
      {"up/outside.toml", "it contains a symbolic link"},
      {"up/*.toml", "it contains a symbolic link"},
      {"u*/*.toml", "it contains a symbolic link"},
      {"directory.toml", "include: \"directory.toml\" is not a regular file"},
      {"dir*", "include: \"directory.toml\" is not a regular file"},
      {"pipe.toml", "include: \"pipe.toml\" is not a regular file"},
      {"large.toml",
       "include: \"large.toml\" is larger than 1048576 bytes, the most for an "
       "included file"},
      {"[x.toml", "include: \"[x.toml\" has a '[' at 1 that is never closed"},
      {"fleet.toml", "include: \"fleet.toml\" includes itself: fleet.toml -> fleet.toml"},
  };
  for (const auto& c : cases) {
    Write("fleet.toml", absl::StrCat("\ninclude = [\"", c.pattern, "\"]\n"));
    const std::string faults = Faults();
    if (*c.expected == '\0') {
      EXPECT_EQ(faults, "") << c.pattern;
    } else {
      EXPECT_THAT(faults, AllOf(HasSubstr("fleet.toml:2: include: "), HasSubstr(c.expected)))
          << c.pattern;
    }
  }
}

TEST_F(ConfigFilesTest, AGlobLeavesOutTheFileThatItStandsInAndTheMainFile) {
  Write("fleet.toml", "include = [\"*.toml\", \"d/*.toml\"]\n");
  Write("a.toml", "");
  Write("d/b.toml", "include = [\"*.toml\", \"../*.toml\"]\n");
  EXPECT_THAT(Included(), ElementsAre("a.toml", "d/b.toml"));
  Write("fleet.toml", "include = [\"fle[e]t.toml\"]\n");
  EXPECT_THAT(Included(), IsEmpty());
}

TEST_F(ConfigFilesTest, ACycleIsAnErrorThatShowsItsFiles) {
  Write("fleet.toml", "include = [\"d/a.toml\"]\n");
  Write("d/a.toml", "include = [\"b.toml\"]\n");
  Write("d/b.toml", "include = [\"../d/a.toml\"]\n");
  EXPECT_EQ(Faults(),
            "d/b.toml:1: include: \"d/a.toml\" includes itself: fleet.toml -> d/a.toml "
            "-> d/b.toml -> d/a.toml");
}

TEST_F(ConfigFilesTest, AThousandFilesAreIncludedAndOneMoreIsAnError) {
  Write("fleet.toml", "include = [\"d/*.toml\"]\n");
  for (int i = 0; i < 1000; ++i) Write(absl::StrCat("d/", i, ".toml"), "");
  EXPECT_THAT(Included(), SizeIs(1000));
  Write("d/more.toml", "");
  EXPECT_EQ(Faults(), "fleet.toml:1: include: more than 1000 files");
}

TEST_F(ConfigFilesTest, WatchedAreTheFilesAndTheDirectoriesThatMayHaveNewMatches) {
  Write("fleet.toml", "include = [\"d/*.toml\", \"later/*.toml\", \"gone.toml\"]\n");
  Write("d/a.toml", "");
  const ConfigReading reading = ReadConfigFiles(Main());
  EXPECT_FALSE(reading.files.ok());
  EXPECT_TRUE(reading.has_main);
  for (const char* path : {"etc/d", "etc/d/a.toml", "etc/later", "etc/gone.toml"}) {
    EXPECT_THAT(reading.watched, Contains(directory_ / path));
  }
}

TEST_F(ConfigFilesTest, TheNameOfADirectoryIsNoPattern) {
  Write("fleet.toml", "include = [\"rack*/a.toml\"]\n");
  Write("rack[1]/a.toml", "include = [\"b.toml\", \"../c.toml\"]\n");
  Write("rack[1]/b.toml", "");
  Write("c.toml", "");
  EXPECT_THAT(Included(), ElementsAre("rack[1]/a.toml", "rack[1]/b.toml", "c.toml"));
}

TEST_F(ConfigFilesTest, WhatIsMissingInADirectoryOfAMatchIsWatchedAndNoError) {
  Write("fleet.toml", "include = [\"*/gitops.toml\"]\n");
  Write("a/gitops.toml", "");
  Write("b/other.toml", "");
  EXPECT_THAT(Included(), ElementsAre("a/gitops.toml"));
  EXPECT_THAT(ReadConfigFiles(Main()).watched, Contains(directory_ / "etc/b/gitops.toml"));
}

TEST_F(ConfigFilesTest, ADirectoryThatMustNotBeALinkIsWatchedForItsCorrection) {
  Write("fleet.toml", "include = [\"d/*.toml\"]\n");
  fs::create_directory(directory_ / "real");
  fs::create_directory_symlink("../real", directory_ / "etc/d");
  const ConfigReading reading = ReadConfigFiles(Main());
  EXPECT_FALSE(reading.files.ok());
  EXPECT_THAT(reading.watched, Contains(directory_ / "etc/d"));
}

TEST_F(ConfigFilesTest, AnErrorOfTheMachineIsNoFaultOfTheConfig) {
  Write("fleet.toml", "include = [\"a.toml\"]\n");
  Write("a.toml", "");
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit few = {std::min<rlim_t>(limit.rlim_cur, 256), limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<Fd> all;
  while (all.empty() || all.back()) all.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  all.resize(all.size() - 2);  // one is free, which the main file needs
  const ConfigReading reading = ReadConfigFiles(Main());
  all.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(reading.has_main);
  EXPECT_TRUE(absl::IsResourceExhausted(reading.files.status())) << reading.files.status();
  EXPECT_THAT(Included(), ElementsAre("a.toml"));
}

TEST(PackedConfigFiles, UnpackToTheSame) {
  const ConfigFiles none{{"f.toml", "text\n"}, {}};
  EXPECT_EQ(none.Packed(), "text\n");
  const ConfigFiles some{{"f.toml", "main"}, {{"a b.toml", "one\n2 x"}, {"c.toml", ""}}};
  const ConfigFiles odd{{"f.toml", "#! files of a gitops config: 7\nx"}, {}};
  for (const ConfigFiles& files : {none, some, odd}) {
    const ConfigFiles again = ConfigFiles::Unpack("f.toml", files.Packed());
    EXPECT_EQ(again.main.path, "f.toml");
    EXPECT_EQ(again.main.text, files.main.text);
    ASSERT_EQ(again.included.size(), files.included.size());
    for (size_t i = 0; i < files.included.size(); ++i) {
      EXPECT_EQ(again.included[i].path, files.included[i].path);
      EXPECT_EQ(again.included[i].text, files.included[i].text);
    }
  }
  // A text that was cut is read as it stands.
  const std::string packed = some.Packed();
  for (size_t size = 0; size < packed.size() - 4; ++size) {
    EXPECT_THAT(ConfigFiles::Unpack("f.toml", packed.substr(0, size)).included, IsEmpty());
  }
}

}  // namespace
}  // namespace gitops
