#include "examples/hooks/server.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/http/hmac.h"

namespace gitops::examples {
namespace {

constexpr size_t kLargestBody = 1 << 20;
constexpr int kThreads = 64;  // a hook may wait for something

HttpServerResponse Refuse(int status, absl::string_view why) {
  return {.status = status, .body = absl::StrCat(why, "\n")};
}

int StatusFor(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kFailedPrecondition:
      return 423;
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    case absl::StatusCode::kInvalidArgument:
      return 400;
    default:
      return 500;
  }
}

bool ReadHost(const nlohmann::json& json, HostActions& host) {
  if (!json.is_object() || !json.contains("host") || !json["host"].is_string()) return false;
  if (!json.contains("actions") || !json["actions"].is_array()) return false;
  host.host = json["host"];
  for (const nlohmann::json& action : json["actions"]) {
    if (!action.is_string()) return false;
    host.actions.push_back(action);
  }
  return true;
}

absl::Status ReadPayload(const std::string& body, bool& many, HookRequest& request) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  many = json.is_array();
  bool good = many || json.is_object();
  const nlohmann::json hosts = many ? json : nlohmann::json::array({json});
  for (size_t i = 0; good && i < hosts.size(); ++i) {
    request.hosts.emplace_back();
    good = ReadHost(hosts[i], request.hosts.back());
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the body is no payload of the form {\"host\": \"web1\", \"actions\": [\"sync\"]}, nor a "
      "list of those");
}

std::string WritePayload(const std::vector<HostActions>& hosts, bool many) {
  nlohmann::json list = nlohmann::json::array();
  for (const HostActions& host : hosts) {
    list.push_back({{"host", host.host}, {"actions", host.actions}});
  }
  const nlohmann::json& json = many ? list : list.at(0);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

HttpServerResponse CallHook(const Hook& hook, const Secret& key, const HttpServerRequest& message) {
  if (!key.empty()) {
    const absl::Status signature =
        VerifySignature(message.Header(kSignatureHeader), key, message.body);
    if (!signature.ok()) return Refuse(401, signature.message());
  }
  HookRequest request;
  bool many = false;
  request.point = message.Header("X-Gitops-Point");
  request.deployment = message.Header("X-Gitops-Deployment");
  request.result = message.Header("X-Gitops-Result");
  if (const absl::Status read = ReadPayload(message.body, many, request); !read.ok()) {
    return Refuse(StatusFor(read.code()), read.message());
  }
  const absl::StatusOr<std::vector<HostActions>> answer = hook(request);
  if (!answer.ok()) return Refuse(StatusFor(answer.status().code()), answer.status().message());
  return {.body = WritePayload(*answer, many), .content_type = "application/json"};
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> ServeHooks(const std::string& listen, Hooks hooks,
                                                       Secret key) {
  HttpServerOptions options;
  options.listen = {listen};
  options.pool_threads = kThreads;
  for (auto& [path, hook] : hooks) {
    options.routes.push_back(
        {.method = "POST",
         .path = path,
         .handler = RespondWith([hook = std::move(hook), key](const HttpServerRequest& request) {
           return CallHook(hook, key, request);
         }),
         .in_pool = true,
         .max_body = kLargestBody});
  }
  return HttpServer::Start(std::move(options));
}

}  // namespace gitops::examples
