#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/fleet.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string FaultsOf(absl::string_view text) {
  auto config = ParseFleetConfig(text, "f.toml");
  if (config.ok()) return "";
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

struct Case {
  const char* lines;
  const char* expected;
};

TEST(FleetFault, OfAServiceNamesFileLineServiceAndKey) {
  constexpr char kService[] =
      "[[services]]\nupstream = \"https://h/x\"\nmachine = \"m\"\nservice = \"nginx\"\n";
  for (const Case& c : std::initializer_list<Case>{
           {"brnch = \"x\"", "unknown key \"brnch\" (did you mean \"branch\"?)"},
           {"pol = \"5s\"", "unknown key \"pol\" (did you mean \"poll\"?)"},
           {"keep_revision = 1",
            "unknown key \"keep_revision\" (did you mean \"keep_revisions\"?)"},
           {"rollback-on-failure = true",
            "unknown key \"rollback-on-failure\" (did you mean \"rollback_on_failure\"?)"},
           {"branch = 1", "branch: expected a string, found an integer"},
           {"branch = \"a..b\"", "branch: \"a..b\" is not a branch name"},
           {"mount = \"tmp\"", "mount: \"tmp\" is not an absolute path"},
           {"user = \"1000\"", "user: \"1000\" is not a user name"},
           {"action = \"relaod\"", "(did you mean \"reload\"?)"},
           {"action = \"reload nginx\"", "action: \"reload nginx\" is not one of start, stop"},
           {"package = \"nginx-\"", "package: \"nginx-\" is not a package name"},
           {"poll = \"9ms\"", "poll: 9ms is not from 10ms to"},
           {"poll = \"often\"", "poll: \"often\" is not a duration"},
           {"poll = true", "poll: expected a duration"},
           {"tracking = \"coordinate\"", "(did you mean \"coordinated\"?)"},
           {"drift = \"fix\"", "drift: \"fix\" is not one of report, correct"},
           {"writable = \"yes\"", "writable: expected true or false, found a string"},
           {"healthy_within = \"2h\"", "healthy_within: 2h is not from 0s to 1h"},
           {"rollback_on_failure = 1",
            "rollback_on_failure: expected true or false, found an integer"},
           {"keep_revisions = 0", "keep_revisions: 0 is not from 1 to"},
           {"max_files = 0", "max_files: 0 is not from 1 to"},
           {"max_bytes = \"lots\"", "max_bytes: \"lots\" is not a size"},
           {"max_untracked_files = 0", "max_untracked_files: 0 is not from 1 to"},
           {"max_untracked_bytes = \"lots\"", "max_untracked_bytes: \"lots\" is not a size"},
           {"proxy = \"proxy:3128\"", "proxy: is not a proxy"},
           {"git_memory = \"1MiB\"", "git_memory: is less than the 64MiB"},
           {"git_memory = \"lots\"", "git_memory: \"lots\" is not a size"},
           {"require = \"job\"", "require: is for services with a profile and job_uri"},
           {"ssh_key = 1", "ssh_key: expected a string"},
           {"known_hosts = 1", "known_hosts: expected a string"},
           {"netrc_file = 1", "netrc_file: expected a string"},
           {"ca_file = 1", "ca_file: expected a string"},
           {"dirs = \"x\"", "dirs: expected an array of tables, found a string"},
           {"dirs = [{ locl = \"/x\", link = \"x\" }]",
            "dirs[1]: unknown key \"locl\" (did you mean \"local\"?)"},
           {"dirs = [{ single = true, local = \"/x\", link = \"x\" }]",
            "dirs[1]: unknown key \"single\" (known: file, link, local)"},
           {"dirs = [{}]", "dirs[1]: local: is missing"},
           {"dirs = [{ local = \"x\", link = \"x\" }]",
            "dirs[1]: local: \"x\" is not an absolute path"},
           {"dirs = [{ local = \"/etc\", link = \"x\" }]", "dirs[1]: local: \"/etc\" cannot be"},
           {"dirs = [{ local = \"/x\", link = \"../x\" }]", "dirs[1]: link: "},
           {"dirs = [{ local = \"/x\", link = \"/x\" }]", "dirs[1]: link: \"/x\" is absolute"},
           {"dirs = [{ local = \"/x\", link = \"\", file = true }]", "dirs[1]: link: is the whole"},
           {"dirs = [{ local = \"/x\", link = \"a\" }, { local = \"/x/\", link = \"b\" }]",
            "dirs[2]: local: \"/x\" is given twice, first in line 5"},
           {"dirs = [{ local = \"/x/y\", link = \"a\" }, { local = \"/x\", link = \"b\", "
            "file = true }]",
            "dirs[2]: local: \"/x\" and \"/x/y\" of line 5 contain each other"},
           {"dirs = [{ local = \"/var/lib/gitops\", link = \"a\" }]",
            "dirs[1]: local: \"/var/lib/gitops\" and /var/lib/gitops/nginx, the directory of the "
            "revisions"},
           {"dirs = [{ local = \"/var/lib/gitops/nginx/x\", link = \"a\" }]",
            "the directory of the revisions"},
       }) {
    const std::string faults = FaultsOf(absl::StrCat(kService, c.lines, "\n"));
    EXPECT_TRUE(absl::StartsWith(faults, "f.toml:5: [[services]] \"nginx\": ")) << c.lines << "\n"
                                                                                << faults;
    EXPECT_THAT(faults, HasSubstr(c.expected)) << c.lines;
    EXPECT_THAT(faults, Not(HasSubstr("\n"))) << "one fault, one line: " << c.lines;
  }
}

TEST(FleetFault, OfWhatIsMissingNamesTheTable) {
  for (const Case& c : std::initializer_list<Case>{
           {"[[services]]\nupstream = \"/x\"\nservice = \"a\"\n",
            "f.toml:1: [[services]] \"a\": machine: is missing: give the host's name, or an alias "
            "of --hosts; or machines or tagged, for many hosts"},
           {"[[services]]\nupstream = \"/x\"\nmachine = \"a\"\n",
            "f.toml:1: [[services]]: service: is missing: give the unit's name"},
           {"\n[[services]]\nmachine = \"m\"\nservice = \"a\"\n",
            "f.toml:2: [[services]] \"a\": upstream: is missing: give it here or in [global]"},
           {"[[services]]\nupstream = \"/x\"\nservice = \"a\"\nmachine = \"\"\n",
            "f.toml:4: [[services]] \"a\": machine: is empty: give a value, or omit the key"},
           {"[global]\nupstream = \"ftp://h\"\n[[services]]\nmachine = \"m\"\nservice = \"a\"\n",
            "f.toml:2: [global]: upstream: \"ftp://h\" has a scheme that is not allowed: use "
            "https, "
            "http, ssh, git, file"},
           {"[[services]]\nmachine = \"m\"\nservice = \"a\"\nprofile = \"p\"\n",
            "f.toml:1: [[services]] \"a\": job_uri: is missing: a service with a profile needs a "
            "job_uri"},
           {"[[services]]\nmachine = \"m\"\nservice = \"a\"\njob_uri = \"https://h/x\"\n",
            "f.toml:1: [[services]] \"a\": profile: is missing: a service with a job_uri needs a "
            "profile, for example \"web\""},
           {"[[services]]\nmachine = \"m\"\nservice = \"a\"\njob_uri = \"https://h/x\"\n"
            "profile = \"p\"\ndirs = []\n",
            "f.toml:6: [[services]] \"a\": dirs: is for services that follow git; this one "
            "has a profile and job_uri"},
           {"[[services]]\nmachine = \"m\"\nservice = \"a\"\njob_uri = \"https://h/x\"\n"
            "profile = \"p\"\nrequire = \"most\"\n",
            "f.toml:6: [[services]] \"a\": require: \"most\" is not one of job, jobset, "
            "aggregate:NAME"},
       }) {
    EXPECT_EQ(FaultsOf(c.lines), c.expected) << c.lines;
  }
}

TEST(FleetFault, OfOtherTablesNamesThem) {
  for (const Case& c : std::initializer_list<Case>{
           {"[gobal]\n", "f.toml:1: unknown table \"gobal\" (did you mean \"global\"?)"},
           {"[[servics]]\n", "f.toml:1: unknown table \"servics\" (did you mean \"services\"?)"},
           {"branch = \"x\"\n", "f.toml:1: unknown key \"branch\""},
           {"[services]\n",
            "f.toml:1: services: expected an array of tables ([[services]]), found "
            "a table"},
           {"[[global]]\n", "f.toml:1: global: expected a table ([global]), found an array"},
           {"[global]\nprofile = \"x\"\n", "f.toml:2: [global]: unknown key \"profile\""},
           {"[global]\nkeys = [{ pth = \"x\" }]\n",
            "f.toml:2: [global]: keys[1]: unknown key \"pth\" (did you mean \"path\"?)"},
           {"[global]\nkeys = 1\n", "f.toml:2: [global]: keys: expected an array of tables"},
           {"[fleet]\norder_by_tag = []\n",
            "f.toml:2: [fleet]: unknown key \"order_by_tag\" (did you mean \"order_by_tags\"?)"},
           {"[fleet]\norder_by_tags = [1]\n",
            "f.toml:2: [fleet]: order_by_tags[1]: expected a string, found an integer"},
           {"[fleet]\norder_by_tags = [\"a,b\"]\n", "f.toml:2: [fleet]: order_by_tags: \"a,b\" is"},
           {"[[hosts]]\n", "f.toml:1: [[hosts]]: name: is missing"},
           {"[[hosts]]\nname = \"a\"\n[[hosts]]\nname = \"A\"\n",
            "f.toml:4: [[hosts]] \"A\": name: \"A\" is given twice, first in line 1"},
           {"[[hosts]]\nname = \"a\"\naddres = \"x\"\n",
            "f.toml:3: [[hosts]] \"a\": unknown key \"addres\" (did you mean \"address\"?)"},
           {"[[hosts]]\nname = \"a\"\naddress = \"a:b\"\n",
            "f.toml:3: [[hosts]] \"a\": address: \"a:b\" is not an address: \"b\" is not a port"},
           {"[[hosts]]\nname = \"a\"\ntags = \"x\"\n", "tags: expected an array of strings"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\nprt = 1\n",
            "f.toml:4: [[hosts]] \"a\": health_checks.http[1]: unknown key \"prt\" (did you mean "
            "\"port\"?)"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\nport = 0\n",
            "f.toml:4: [[hosts]] \"a\": health_checks.http[1]: port: 0 is not from 1 to 65535"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\npath = \"x\"\n",
            "path: \"x\" does not start with '/'"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\npath = \"/a b\"\n",
            "f.toml:4: [[hosts]] \"a\": health_checks.http[1]: path: \"/a b\" contains a character "
            "that is not allowed in a URL (byte 3); write it as %20"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.pre_deploy_checks.http]]\npath = \"/\u00fc\"\n",
            "that is not allowed in a URL (byte 2); write it as %C3"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\npath = \"/100%\"\n",
            "write it as %25"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\npath = \"/#top\"\n",
            "write it as %23"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\nscheme = \"htp\"\n",
            "(did you mean \"http\"?)"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.http]]\nperiod = 0\n",
            "period: 0s is not from 10ms to 1h"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.cmd]]\n",
            "f.toml:3: [[hosts]] \"a\": health_checks.cmd[1]: cmd: is missing"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.health_checks.cmd]]\ncmd = []\n", "names no program"},
           {"[[hosts]]\nname = \"a\"\n[[hosts.pre_deploy_checks.cmd]]\ncmd = \"true\"\n",
            "f.toml:4: [[hosts]] \"a\": pre_deploy_checks.cmd[1]: cmd: expected an array"},
           {"[[hosts]]\nname = \"a\"\n[hosts.health_check]\n",
            "unknown key \"health_check\" (did you mean \"health_checks\"?)"},
           {"[[hosts]]\nname = \"a\"\n[hosts.secrets.k]\nsource = \"x\"\n",
            "f.toml:3: [[hosts]] \"a\": secrets.k: destination: is missing"},
           {"[[hosts]]\nname = \"a\"\n[hosts.secrets.j]\nsource = \"x\"\ndestination = \"/y\"\n"
            "[hosts.secrets.k]\nsource = \"x\"\ndestination = \"/y/\"\n",
            "f.toml:8: [[hosts]] \"a\": secrets.k: destination: \"/y\" is also the destination of "
            "secret \"j\": one would replace the other"},
           {"[[hosts]]\nname = \"a\"\n[hosts.secrets.k]\nsource = \"x\"\ndestination = \"y\"\n",
            "f.toml:5: [[hosts]] \"a\": secrets.k: destination: \"y\" is not an absolute path"},
           {"[[hosts]]\nname = \"a\"\n[hosts.secrets.k]\nsource = \"x\"\ndestination = \"/y\"\n"
            "permissions = \"rw\"\n",
            "secrets.k: permissions: \"rw\" is not a file mode"},
           {"[[hosts]]\nname = \"a\"\n[hosts.secrets.k]\nsource = \"x\"\ndestination = \"/y\"\n"
            "owner = { usr = \"root\" }\n",
            "f.toml:6: [[hosts]] \"a\": secrets.k.owner: unknown key \"usr\" (did you mean "
            "\"user\"?)"},
           {"[[hosts]]\nname = \"a\"\n[hosts.secrets.k]\nsource = \"x\"\ndestination = \"/y\"\n"
            "owner = { user = -1 }\n",
            "f.toml:6: [[hosts]] \"a\": secrets.k.owner: user: \"-1\" is not an owner: write a "
            "name"},
           {"[[hosts]]\nname = \"a\"\n[hosts.secrets.k]\nsource = \"x\"\ndestination = \"/y\"\n"
            "owner = { group = 1.5 }\n",
            "secrets.k.owner: group: expected a string or an integer, found a float"},
           {"[[hosts]]\nname = \"a\"\n[hosts.secrets.k]\nsource = \"x\"\ndestination = \"/y\"\n"
            "upload_at = \"later\"\n",
            "upload_at: \"later\" is not one of pre-activation, post-activation"},
       }) {
    EXPECT_THAT(FaultsOf(c.lines), HasSubstr(c.expected)) << c.lines;
  }
}

TEST(FleetFault, AllAreToldAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(
      FaultsOf("[global]\nupstream = \"/x\"\n[[services]]\nmachine = \"m\"\nzzzzzz = 1\n"
               "poll = 0\nservice = \"a\"\n[hosst]\n"),
      "f.toml:5: [[services]] \"a\": unknown key \"zzzzzz\" (known: action, branch, ca_file, "
      "dirs, drift, git_memory, healthy_within, job_uri, keep_revisions, known_hosts, machine, "
      "machines, max_bytes, max_files, max_untracked_bytes, max_untracked_files, mount, "
      "netrc_file, package, "
      "poll, profile, proxy, require, rollback_on_failure, service, ssh_key, tagged, tracking, "
      "upstream, "
      "user, writable)\n"
      "f.toml:6: [[services]] \"a\": poll: 0s is not from 10ms to 8760h\n"
      "f.toml:8: unknown table \"hosst\" (did you mean \"hosts\"?)");
}

TEST(FleetFault, NeverShowsAPasswordOfAnUpstream) {
  EXPECT_THAT(FaultsOf("[global]\nupstream = \"ftp://joe:hunter2@h/x\"\n"),
              Not(HasSubstr("hunter2")));
}

// The keys that messages call known are those that the reader asks for.
TEST(FleetReference, ListsEveryKnownKey) {
  std::ifstream file("docs/reference/fleet-config.md");
  std::stringstream reference;
  reference << file.rdbuf();
  ASSERT_THAT(reference.str(), HasSubstr("# Fleet config"));
  constexpr char kHost[] = "[[hosts]]\nname = \"a\"\n";
  constexpr char kWrong[] = "qqqqqqqqqqqqqqqq = 1\n";
  int keys = 0;
  for (const std::string& text : {
           std::string(kWrong),
           absl::StrCat("[global]\n", kWrong),
           absl::StrCat("[global]\n[[global.keys]]\n", kWrong),
           absl::StrCat("[[services]]\n", kWrong),
           absl::StrCat("[[services]]\n[[services.dirs]]\n", kWrong),
           absl::StrCat("[fleet]\n", kWrong),
           absl::StrCat(kHost, kWrong),
           absl::StrCat(kHost, "[hosts.health_checks]\n", kWrong),
           absl::StrCat(kHost, "[[hosts.health_checks.http]]\n", kWrong),
           absl::StrCat(kHost, "[[hosts.health_checks.cmd]]\n", kWrong),
           absl::StrCat(kHost, "[hosts.secrets.k]\n", kWrong),
           absl::StrCat(kHost, "[hosts.secrets.k.owner]\n", kWrong),
       }) {
    const std::string faults = FaultsOf(text);
    const std::vector<std::string> parts = absl::StrSplit(faults, "(known: ");
    ASSERT_EQ(parts.size(), 2) << faults;
    for (absl::string_view key : absl::StrSplit(parts[1].substr(0, parts[1].find(')')), ", ")) {
      EXPECT_THAT(reference.str(), HasSubstr(absl::StrCat("`", key, "`"))) << text;
      ++keys;
    }
  }
  EXPECT_GT(keys, 80);
}

}  // namespace
}  // namespace gitops
