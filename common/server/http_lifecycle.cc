#include "common/server/http_lifecycle.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/server/process_base.h"

namespace gitops {
namespace {

class HttpProcess : public ServerProcessBase {
 public:
  explicit HttpProcess(ServerProcessOptions options) : ServerProcessBase(std::move(options)) {}
  ~HttpProcess() override { EndWatch(); }

  absl::Status Start(const Settings& settings, HttpProcessOptions& options) {
    options.http.listen = settings.GetList("listen");
    if (const std::string& directory = settings.Get("tls-dir"); !directory.empty()) {
      options.http.tls_certificate = absl::StrCat(directory, "/tls.crt");
      options.http.tls_key = absl::StrCat(directory, "/tls.key");
    }
    options.http.routes = options.routes(Pages());
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(std::move(options.http));
    if (!server.ok()) return ForSetting(server.status(), settings, "listen");
    server_ = *std::move(server);
    if (!settings.Get("metrics-listen").empty()) {
      if (const auto pages = StartPages(settings); !pages.ok()) return pages.status();
    }
    return Announce(settings, {.grpc = "", .http = server_->addresses()[0]}, *server_);
  }

 private:
  void SetServing(bool) override {}  // clients ask /readyz
  void Shutdown(absl::Duration drain) override { server_->Stop(drain); }

  std::unique_ptr<HttpServer> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ServerProcess>> StartHttpProcess(const Settings& settings,
                                                                HttpProcessOptions options) {
  if (absl::Status status = CheckHttpServerSettings(settings); !status.ok()) return status;
  auto process = std::make_unique<HttpProcess>(std::move(options.process));
  if (absl::Status status = process->Start(settings, options); !status.ok()) return status;
  return process;
}

}  // namespace gitops
