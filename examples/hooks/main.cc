// Hook endpoints to try, and a starting point for your own: see README.md beside this file.
#include <csignal>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/time/clock.h"
#include "common/config/settings.h"
#include "common/http/hmac.h"
#include "common/server/address_file.h"
#include "common/server/lifecycle.h"
#include "examples/hooks/files.h"
#include "examples/hooks/freeze_window.h"
#include "examples/hooks/haproxy.h"
#include "examples/hooks/server.h"

namespace gitops::examples {
namespace {

constexpr char kProgram[] = "gitops-example-hooks";

std::vector<SettingDefinition> Definitions() {
  using Type = SettingDefinition::Type;
  const auto text = [](const char* name, const char* help, const char* value = "",
                       Type type = Type::kString) {
    SettingDefinition definition;
    definition.name = name;
    definition.help = help;
    definition.default_value = value;
    definition.type = type;
    return definition;
  };
  return {
      text("listen", "where to serve, as HOST:PORT", "127.0.0.1:8100"),
      text("address-file", "where to write http=HOST:PORT once serving"),
      text("hmac-key-file", "refuse requests that are not signed with the key in this file"),
      text("haproxy-socket", "serve /drain: the socket of HAProxy's runtime API"),
      text("haproxy-backend", "the backend whose servers are named as the hosts"),
      text("drain-timeout", "how long open sessions may take to end", "30s", Type::kDuration),
      text("maintenance-dir", "serve /maintenance: a file for each host in maintenance"),
      text("skip-list", "serve /skip: the file that names the hosts to leave out"),
      text("lock-dir", "serve /lock: a file for each locked host"),
      text("freeze-windows", "serve /window: as \"Fri 16:00-Mon 08:00\", in UTC, comma-separated",
           "", Type::kList),
  };
}

absl::StatusOr<Hooks> MakeHooks(const Settings& settings) {
  Hooks hooks;
  if (settings.IsSet("haproxy-socket")) {
    if (!settings.IsSet("haproxy-backend")) {
      return absl::InvalidArgumentError("--haproxy-socket needs --haproxy-backend too");
    }
    hooks["/drain"] = DrainHook({.socket = settings.Get("haproxy-socket"),
                                 .backend = settings.Get("haproxy-backend"),
                                 .drain_timeout = settings.GetDuration("drain-timeout")});
  }
  if (settings.IsSet("maintenance-dir")) {
    hooks["/maintenance"] = MaintenanceHook(settings.Get("maintenance-dir"));
  }
  if (settings.IsSet("skip-list")) hooks["/skip"] = SkipListHook(settings.Get("skip-list"));
  if (settings.IsSet("lock-dir")) hooks["/lock"] = LockHook(settings.Get("lock-dir"));
  std::vector<FreezeWindow> windows;
  for (const std::string& text : settings.GetList("freeze-windows")) {
    absl::StatusOr<FreezeWindow> window = ParseFreezeWindow(text);
    if (!window.ok()) return window.status();
    windows.push_back(*std::move(window));
  }
  if (!windows.empty()) hooks["/window"] = FreezeWindowHook(std::move(windows), absl::Now);
  if (!hooks.empty()) return hooks;
  return absl::InvalidArgumentError("no hook was asked for; --help lists the flags of each");
}

absl::StatusOr<Secret> ReadKey(const std::string& file) {
  if (file.empty()) return Secret();
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  Secret key = HmacKeyFromFile(std::move(text).str());
  if (key.empty()) return absl::InvalidArgumentError("--hmac-key-file: no key in " + file);
  return key;
}

int Run(const std::vector<std::string>& arguments) {
  sigset_t ends;
  sigemptyset(&ends);
  for (int signal : {SIGINT, SIGTERM}) sigaddset(&ends, signal);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  const absl::StatusOr<Settings> settings = ReadFlags(Definitions(), arguments, ProcessEnvironment);
  if (!settings.ok()) return ReportFailure(kProgram, settings.status());
  if (settings->GetBool("help")) {
    std::cout << UsageText("gitops-example-hooks [FLAGS]", Definitions());
    return 0;
  }
  absl::StatusOr<Hooks> hooks = MakeHooks(*settings);
  if (!hooks.ok()) return ReportFailure(kProgram, hooks.status());
  absl::StatusOr<Secret> key = ReadKey(settings->Get("hmac-key-file"));
  if (!key.ok()) return ReportFailure(kProgram, key.status());
  const absl::StatusOr<std::unique_ptr<HttpServer>> server =
      ServeHooks(settings->Get("listen"), *std::move(hooks), *std::move(key));
  if (!server.ok()) return ReportFailure(kProgram, server.status());
  if (settings->IsSet("address-file")) {
    const absl::Status written = WriteAddressFile(settings->Get("address-file"),
                                                  {.grpc = "", .http = (*server)->addresses()[0]});
    if (!written.ok()) return ReportFailure(kProgram, written);
  }
  int signal = 0;
  sigwait(&ends, &signal);
  return 0;
}

}  // namespace
}  // namespace gitops::examples

int main(int argc, char** argv) { return gitops::examples::Run({argv + 1, argv + argc}); }
