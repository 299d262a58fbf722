#include "agent/nix/test_store.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace gitops {
namespace {

// As a string of Nix's language.
std::string Quoted(const std::string& text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"${", "\\${"}}), "\"");
}

}  // namespace

TestStore::TestStore() {
  host_.store = directory_ / "store";
  host_.state = directory_ / "var";
  host_.environment = {{"NIX_STORE_DIR", host_.store},
                       {"NIX_STATE_DIR", host_.state},
                       {"NIX_LOG_DIR", directory_ / "log"},
                       {"NIX_CONF_DIR", directory_ / "conf"},
                       {"NIX_REMOTE", ""},
                       {"HOME", directory_ / "home"}};
  directory_.Write("home/.keep", "");
  Configure("", /*trust_key=*/false);
  Run({"nix-store", "--generate-binary-cache-key", "test-1", directory_ / "key.sec",
       directory_ / "key.pub"});
}

// The store is read-only.
TestStore::~TestStore() { Run({"chmod", "-R", "u+w", directory_.path()}); }

std::string TestStore::Build(const std::string& name, const std::string& script,
                             const std::string& program) {
  const std::string make =
      program.empty() ? std::string("mkdir -p $out/share")
                      : absl::StrCat("mkdir -p $out/bin; printf %s \"$script\" > $out/bin/",
                                     program, "; chmod 755 $out/bin/", program);
  const std::string expression =
      absl::StrCat("derivation { name = ", Quoted(name),
                   "; system = builtins.currentSystem; builder = \"/bin/sh\"; PATH = "
                   "\"/usr/bin:/bin\"; script = ",
                   Quoted(script), "; args = [ \"-c\" ", Quoted(make), " ]; }");
  const std::string output = Run({"nix-build", "--no-out-link", "--expr", expression});
  return std::string(absl::StripAsciiWhitespace(output));
}

void TestStore::MoveToCache(const std::string& path, bool sign) {
  const std::string to =
      absl::StrCat(cache_url(), sign ? absl::StrCat("?secret-key=", directory_ / "key.sec") : "");
  Run({"nix", "--extra-experimental-features", "nix-command", "copy", "--to", to, path});
  Run({"nix-store", "--delete", path});
}

void TestStore::Configure(const std::string& substituters, bool trust_key) {
  std::string text =
      absl::StrCat("sandbox = false\nbuild-users-group =\nsubstituters = ", substituters,
                   "\ntrusted-public-keys = ", trust_key ? directory_.Read("key.pub") : "", "\n");
  // Otherwise a substituter that is down is asked five times, with pauses.
  text += "download-attempts = 1\n";
  directory_.Write("conf/nix.conf", text);
}

bool TestStore::Has(const std::string& path) const { return access(path.c_str(), F_OK) == 0; }

void TestStore::CollectGarbage() { Run({"nix-store", "--gc"}); }

std::string TestStore::Run(std::vector<std::string> argv) {
  const std::string program = argv[0];
  Command command;
  command.argv = std::move(argv);
  command.environment = host_.environment;
  const absl::StatusOr<CommandResult> result = runner_->Run(command);
  if (result.ok() && result->ok()) return result->output;
  std::fprintf(stderr, "a test cannot run %s (is nix-bin installed?): %s %s\n", program.c_str(),
               result.status().ToString().c_str(), result.ok() ? result->error_output.c_str() : "");
  std::abort();
}

}  // namespace gitops
