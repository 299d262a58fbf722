// ca …: through the whole program, with files, checked by openssl where it matters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/path/temporary_directory.h"
#include "ctl/run.h"

namespace gitops::ctl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class CaRunTest : public testing::Test {
 protected:
  // DIR/ at the start of a word is the test's directory.
  Result Ctl(const std::string& line, std::istream* terminal = nullptr) {
    std::ostringstream out, err;
    Console console{out,
                    err,
                    false,
                    nullptr,
                    [](const std::string&) -> std::optional<std::string> { return std::nullopt; },
                    "alice"};
    console.in = terminal;
    console.in_is_terminal = console.err_is_terminal = terminal != nullptr;
    std::vector<std::string> words = absl::StrSplit(line, ' ');
    for (std::string& word : words) {
      if (word.starts_with("DIR/")) word.replace(0, 3, directory_.path());
    }
    Result result;
    result.exit_code = ctl::Run(words, console);
    result.out = out.str();
    result.err = err.str();
    return result;
  }
  Result Good(const std::string& line) {
    Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 0) << line << "\n" << result.err;
    return result;
  }
  std::string Openssl(const std::string& arguments) {
    const std::string command =
        absl::StrCat("cd ", directory_.path(), " && openssl ", arguments, " 2>&1");
    std::FILE* const pipe = popen(command.c_str(), "r");
    std::string text;
    char part[4096];
    while (const size_t size = std::fread(part, 1, sizeof part, pipe)) text.append(part, size);
    pclose(pipe);
    return text;
  }
  std::string Verify(const std::string& directory, const std::string& trusted = "ca") {
    return Openssl(absl::StrCat("verify -CAfile ", trusted, "/ca.crt -untrusted ", directory,
                                "/tls.crt ", directory, "/tls.crt"));
  }
  json List() { return json::parse(Good("ca list --dir DIR/ca -o json").out)["certificates"]; }

  TemporaryDirectory directory_;
};

TEST_F(CaRunTest, InitSaysWhatItMadeAndHowToKeepIt) {
  const Result made = Good("ca init --dir DIR/ca --name Example");
  EXPECT_THAT(made.out, HasSubstr("/ca: a certificate authority, CN=Example "));
  EXPECT_THAT(made.out, HasSubstr("\nSHA-256 "));
  EXPECT_THAT(made.err, HasSubstr("whoever has ca.key can be anyone"));

  const Result again = Ctl("ca init --dir DIR/ca");
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("(ALREADY_EXISTS)"));
}

TEST_F(CaRunTest, HashOfTheRootIsTheOneThatOpensslPrints) {
  const json root = json::parse(Good("ca init --dir DIR/ca -o json").out);
  std::string printed = Openssl("x509 -in ca/ca.crt -noout -fingerprint -sha256");
  std::erase(printed, ':');
  EXPECT_THAT(absl::AsciiStrToLower(printed), HasSubstr(root["sha256"].get<std::string>()));
}

TEST_F(CaRunTest, IssueWritesATlsDirThatOpensslAccepts) {
  Good("ca init --dir DIR/ca");
  const Result issued = Good(
      "ca issue --dir DIR/ca --role planner --name main --dns planner.example --ip 192.0.2.7 "
      "--days "
      "30 --out DIR/tls");

  EXPECT_THAT(issued.out, MatchesRegex(".*/tls: planner/main, until 20[0-9TZ:-]+, serial number "
                                       "[0-9a-f]{32}\n"));
  EXPECT_THAT(Verify("tls"), HasSubstr(": OK"));
  EXPECT_THAT(Openssl("x509 -in tls/tls.crt -noout -ext subjectAltName"),
              HasSubstr("URI:gitops://planner/main, DNS:planner.example, IP Address:192.0.2.7"));
  struct stat key {};
  ASSERT_EQ(stat((directory_ / "tls/tls.key").c_str(), &key), 0);
  EXPECT_EQ(key.st_mode & 0777, 0600u);
}

TEST_F(CaRunTest, NoKeyIsEverPrinted) {
  const Result made = Good("ca init --dir DIR/ca -o json");
  const Result issued =
      Good("ca issue --dir DIR/ca --role agent --name web1 --out DIR/tls -o json");
  for (const Result& result : {made, issued}) {
    EXPECT_EQ((result.out + result.err).find("PRIVATE"), std::string::npos);
  }
  EXPECT_EQ(json::parse(issued.out)["name"], "web1");
}

TEST_F(CaRunTest, FilesOfAnotherIdentityAreReplacedOnlyIfTheUserSaysSo) {
  Good("ca init --dir DIR/ca");
  Good("ca issue --dir DIR/ca --role planner --name main --out DIR/tls");
  const std::string before = directory_.Read("tls/tls.crt");
  const std::string other = "ca issue --dir DIR/ca --role agent --name web1 --out DIR/tls";

  const Result refused = Ctl(other);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(
      refused.err,
      HasSubstr("has the certificate of planner/main; replace it by a certificate of agent/web1?"));
  std::istringstream no("n\n");
  EXPECT_EQ(Ctl(other, &no).exit_code, 1);
  EXPECT_EQ(directory_.Read("tls/tls.crt"), before);
  EXPECT_EQ(List().size(), 1u) << "a refused command issues nothing";

  Good(other + " -y");
  EXPECT_NE(directory_.Read("tls/tls.crt"), before);
  Good(other);  // of the same identity
}

TEST_F(CaRunTest, KeyThatWaitsForItsCertificateIsNotReplacedWithoutAQuestion) {
  Good("ca init --dir DIR/ca");
  directory_.Write("tls/tls.key", "a key");
  const Result refused = Ctl("ca issue --dir DIR/ca --role agent --name web1 --out DIR/tls");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("has a tls.key without tls.crt"));
  EXPECT_EQ(directory_.Read("tls/tls.key"), "a key");
}

TEST_F(CaRunTest, RenewKeepsIdentityNamesAndLifetimeAndMakesANewKey) {
  Good("ca init --dir DIR/ca");
  Good("ca issue --dir DIR/ca --role gateway --name g --dns g.example --days 20 --out DIR/tls");
  const std::string key = directory_.Read("tls/tls.key");

  Good("ca renew --dir DIR/ca --out DIR/tls");
  EXPECT_NE(directory_.Read("tls/tls.key"), key);
  EXPECT_THAT(Openssl("x509 -in tls/tls.crt -noout -ext subjectAltName"),
              HasSubstr("URI:gitops://gateway/g, DNS:g.example"));
  EXPECT_THAT(Openssl("x509 -in tls/tls.crt -noout -checkend 1641600"), HasSubstr("will not"));
  EXPECT_THAT(Openssl("x509 -in tls/tls.crt -noout -checkend 1814400"), HasSubstr("will expire"));

  const std::string second = directory_.Read("tls/tls.key");
  Good("ca renew --dir DIR/ca --out DIR/tls --keep-key");
  EXPECT_EQ(directory_.Read("tls/tls.key"), second);
  EXPECT_THAT(Verify("tls"), HasSubstr(": OK"));
  EXPECT_EQ(Ctl("ca renew --dir DIR/ca --out DIR/nothing").exit_code, 1);
}

TEST_F(CaRunTest, RevokedCertificateIsListedSoAndNotRenewed) {
  Good("ca init --dir DIR/ca");
  Good("ca issue --dir DIR/ca --role agent --name web1 --out DIR/tls");
  const Result asked = Ctl("ca revoke --dir DIR/ca agent/web1 --reason stolen");
  EXPECT_EQ(asked.exit_code, 2);
  EXPECT_THAT(asked.err, HasSubstr("-y"));
  EXPECT_EQ(List()[0]["state"], "VALID");

  const Result revoked = Good("ca revoke --dir DIR/ca agent/web1 --reason stolen -y");
  EXPECT_THAT(revoked.err, HasSubstr("/ca/crl.pem to every --tls-dir"));

  EXPECT_EQ(List()[0]["state"], "REVOKED");
  EXPECT_EQ(List()[0]["reason"], "stolen");
  EXPECT_THAT(Openssl("verify -crl_check -CRLfile ca/crl.pem -CAfile ca/ca.crt tls/tls.crt"),
              HasSubstr("certificate revoked"));
  const Result renewed = Ctl("ca renew --dir DIR/ca --out DIR/tls");
  EXPECT_EQ(renewed.exit_code, 1);
  EXPECT_THAT(renewed.err, HasSubstr("is revoked"));
  EXPECT_EQ(Ctl("ca revoke --dir DIR/ca agent/web9 -y").exit_code, 1);
}

TEST_F(CaRunTest, ListIsATableWithShortSerials) {
  Good("ca init --dir DIR/ca");
  Good("ca issue --dir DIR/ca --role agent --name web1 --dns web1.example --out DIR/a");
  Good("ca issue --dir DIR/ca --role admin --name alice --days 1 --out DIR/b");
  EXPECT_THAT(Good("ca list --dir DIR/ca").out,
              MatchesRegex("SERIAL    ROLE   NAME   EXPIRES IN  STATE\n"
                           "[0-9a-f]{8}  agent  web1   89d         VALID\n"
                           "[0-9a-f]{8}  admin  alice  23h         VALID\n"));
  EXPECT_THAT(Good("ca list --dir DIR/ca --sort expires-in --columns name").out,
              "NAME\nalice\nweb1\n");
  EXPECT_THAT(Good("ca list --dir DIR/ca -o wide").out, HasSubstr("web1.example"));
  EXPECT_EQ(Ctl("ca list --dir DIR/ca --columns age").exit_code, 2);
}

TEST_F(CaRunTest, IssuerIssuesForAgentsOnly) {
  Good("ca init --dir DIR/ca");
  Good("ca issuer --dir DIR/ca --name planner --out DIR/issuer");
  Good("ca issue --dir DIR/issuer --role agent --name web1 --out DIR/tls");
  EXPECT_THAT(Verify("tls"), HasSubstr(": OK"));

  const Result refused = Ctl("ca issue --dir DIR/issuer --role admin --name alice --out DIR/admin");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("permitted subtree violation"));
  EXPECT_FALSE(directory_.Has("admin"));
}

TEST_F(CaRunTest, TokensAreMadeForManyHostsAndRevoked) {
  Good("ca init --dir DIR/ca");
  Good("ca issuer --dir DIR/ca --out DIR/issuer");
  const Result lines = Good("ca token --dir DIR/issuer --host web{1..3} --host db1");
  EXPECT_THAT(lines.out, MatchesRegex("web1/[^\n]+\nweb2/[^\n]+\nweb3/[^\n]+\ndb1/[^\n]+\n"));
  EXPECT_THAT(lines.err, HasSubstr("4 tokens"));
  const json tree = json::parse(Good("ca token --dir DIR/issuer --host web1 -o json").out);
  EXPECT_EQ(tree["tokens"][0]["host"], "web1");
  const std::string hash = tree["caHash"];
  EXPECT_THAT(Openssl("x509 -in ca/ca.crt -outform DER | sha256sum"), HasSubstr(hash));
  EXPECT_EQ(Good("ca token --dir DIR/issuer --host web1 --revoke").out, "web1\n");
  const Result again = Ctl("ca token --dir DIR/issuer --host web1 --revoke");
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("has no join token"));
}

TEST_F(CaRunTest, RootIsReplacedWhileBothAreTrusted) {
  Good("ca init --dir DIR/ca");
  Good("ca issue --dir DIR/ca --role agent --name web1 --out DIR/tls");
  Good("ca issue --dir DIR/ca --role agent --name web2 --out DIR/web2");
  const Result rotated = Good("ca init --dir DIR/ca --rotate");
  EXPECT_THAT(rotated.err, HasSubstr("before you issue or renew"));
  EXPECT_THAT(Verify("web2"), HasSubstr(": OK"));

  const Result early = Ctl("ca retire --dir DIR/ca");
  EXPECT_EQ(early.exit_code, 1);
  EXPECT_THAT(early.err, HasSubstr("2 holders have"));
  Good("ca renew --dir DIR/ca --out DIR/tls");
  Good("ca renew --dir DIR/ca --out DIR/web2");
  Good("ca retire --dir DIR/ca");
  EXPECT_THAT(Verify("web2"), HasSubstr(": OK"));
}

TEST_F(CaRunTest, WhatIsMissingOrWrongIsAUsageErrorThatSaysSo) {
  for (const auto& [line, part] : std::vector<std::pair<std::string, std::string>>{
           {"ca init", "needs --dir DIR"},
           {"ca token --dir DIR/ca", "needs --host NAME"},
           {"ca issue --dir DIR/ca", "needs --out DIR"},
           {"ca issue --dir DIR/ca --out DIR/x", "needs --role ROLE"},
           {"ca issue --dir DIR/ca --out DIR/x --role agent", "needs --name NAME"},
           {"ca issue --dir DIR/ca --out DIR/x --role agent --name a/b", "--name: the name"},
           {"ca issue --dir DIR/ca --out DIR/x --role root --name a", "--role"},
           {"ca init --dir DIR/ca --days 0", "--days"},
           {"ca init --dir DIR/ca --days 36501", "36501 days"},
           {"ca list --dir DIR/ca @web1", "takes no @HOST"},
           {"token create --name ci --role agent", "a token is for people"},
       }) {
    const Result result = Ctl(line);
    EXPECT_EQ(result.exit_code, 2) << line;
    EXPECT_THAT(result.err, HasSubstr(part)) << line;
  }
  Good("ca init --dir DIR/ca");
  EXPECT_EQ(Ctl("ca issue --dir DIR/ca --role agent --name a --dns *.x --out DIR/x").exit_code, 2);
  EXPECT_EQ(Ctl("ca list --dir DIR/none").exit_code, 1);
}

}  // namespace
}  // namespace gitops::ctl
