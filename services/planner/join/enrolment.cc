#include "services/planner/join/enrolment.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxBody = 64 << 10;
// A join writes to the disk several times; hosts that join together wait for a thread.
constexpr int kThreads = 4;
constexpr size_t kMaxBodies = 8 << 20;
constexpr size_t kMaxConnections = 1000;

struct Answer {
  int status;
  const char* title;
  const char* reason;
};

Answer AnswerTo(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnauthenticated:
      return {401, "Unauthorized", "JOIN_TOKEN_INVALID"};
    case absl::StatusCode::kPermissionDenied:
      return {403, "Forbidden", "JOIN_TOKEN_OF_ANOTHER_HOST"};
    case absl::StatusCode::kAlreadyExists:
      return {409, "Conflict", "JOIN_TOKEN_USED"};
    case absl::StatusCode::kResourceExhausted:
      return {429, "Too Many Requests", "RATE_LIMITED"};
    case absl::StatusCode::kInvalidArgument:
      return {400, "Bad Request", "INVALID_REQUEST"};
    default:
      return {503, "Service Unavailable", "AUTHORITY_UNAVAILABLE"};
  }
}

HttpServerResponse Problem(int status, const std::string& title, const std::string& reason,
                           const std::string& detail) {
  const Json tree = {{"type", "about:blank"},
                     {"title", title},
                     {"status", status},
                     {"detail", detail},
                     {"reason", reason}};
  return {.status = status,
          .body = tree.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
          .content_type = "application/problem+json",
          .headers = {}};
}

HttpServerResponse Good(const Json& tree) {
  return {
      .status = 200, .body = tree.dump() + "\n", .content_type = "application/json", .headers = {}};
}

absl::StatusOr<JoinRequest> ReadRequest(const std::string& body) {
  const Json tree = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const auto text = [&](const char* name) -> std::string {
    const auto found = tree.is_object() ? tree.find(name) : tree.end();
    return found != tree.end() && found->is_string() ? found->get<std::string>() : "";
  };
  JoinRequest request{Secret(text("token")), text("host"), text("request")};
  if (!request.token.empty() && !request.host.empty() && !request.request_pem.empty()) {
    return request;
  }
  return absl::InvalidArgumentError(
      "the body has to be a JSON object with the texts host, token and request");
}

}  // namespace

Enrolment::Enrolment(const EnrolmentOptions& options)
    : options_(options),
      tokens_(options.issuer_dir),
      addresses_(options.of_address),
      hosts_(options.of_host),
      joins_(prometheus::BuildCounter()
                 .Name("gitops_join_requests_total")
                 .Help("Requests of hosts to join: joined, repeated, refused, failed.")
                 .Register(options.metrics->registry())),
      renewals_(
          prometheus::BuildCounter()
              .Name("gitops_certificate_renewals_total")
              .Help("Requests of agents to renew their certificate: renewed, refused, failed.")
              .Register(options.metrics->registry())) {
  for (const char* result : {"joined", "repeated", "refused", "failed"}) {
    joins_.Add({{"result", result}});
  }
  for (const char* result : {"renewed", "refused", "failed"}) renewals_.Add({{"result", result}});
}

absl::StatusOr<std::unique_ptr<Enrolment>> Enrolment::Open(const EnrolmentOptions& options) {
  const auto authority = CertificateAuthority::Open(options.issuer_dir);
  if (!authority.ok()) return authority.status();
  return std::unique_ptr<Enrolment>(new Enrolment(options));
}

absl::StatusOr<std::unique_ptr<HttpServer>> Enrolment::Serve(const std::string& listen,
                                                             const std::string& certificate_file,
                                                             const std::string& key_file) {
  HttpServerOptions server;
  server.listen = {listen};
  server.tls_certificate = certificate_file;
  server.tls_key = key_file;
  server.routes = {
      {.method = "POST",
       .path = "/v1/join",
       .handler = RespondWith([this](const HttpServerRequest& request) { return Join(request); }),
       .in_pool = true,
       .max_body = kMaxBody},
      {.method = "GET",
       .path = "/v1/join/authorities",
       .handler =
           RespondWith([this](const HttpServerRequest& request) { return Authorities(request); }),
       .in_pool = true,
       .max_body = 0}};
  server.pool_threads = kThreads;
  server.max_bodies = kMaxBodies;
  server.max_connections = kMaxConnections;
  server.replace_slow_readers = true;
  server.error_response = [](int status, absl::string_view detail) {
    return Problem(status, "Refused", "INVALID_REQUEST", std::string(detail));
  };
  return HttpServer::Start(std::move(server));
}

absl::Status Enrolment::Admit(const HttpServerRequest& request) {
  const absl::Duration wait =
      addresses_.Take(RateKey(request.peer.address), options_.clock->SteadyNow());
  if (wait <= absl::ZeroDuration()) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("too many requests from this address; try again "
                   "in ",
                   absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1))), " s"));
}

HttpServerResponse Enrolment::Refuse(const HttpServerRequest& request, const std::string& host,
                                     const absl::Status& status) {
  const Answer answer = AnswerTo(status.code());
  const bool failed = answer.status == 503;
  joins_.Add({{"result", failed ? "failed" : "refused"}}).Increment();
  // A flood is counted only.
  if (answer.status != 429) {
    LogWarning(failed ? "a host could not join" : "a host was refused to join",
               {{"host", EscapeText(host)},
                {"address", request.peer.address},
                {"reason", answer.reason},
                {"error", std::string(status.message())}});
  }
  // What is wrong with the authority is for the planner's operator only.
  HttpServerResponse response = Problem(
      answer.status, answer.title, answer.reason,
      failed ? "the planner's issuing authority cannot be used now; the log of the planner says why"
             : std::string(status.message()));
  if (failed || answer.status == 429) response.headers.emplace_back("Retry-After", "5");
  return response;
}

HttpServerResponse Enrolment::Join(const HttpServerRequest& request) {
  if (absl::Status admitted = Admit(request); !admitted.ok()) return Refuse(request, "", admitted);
  const absl::StatusOr<JoinRequest> asked = ReadRequest(request.body);
  if (!asked.ok()) return Refuse(request, "", asked.status());
  const absl::StatusOr<Joined> joined = tokens_.Redeem(*asked, options_.clock->Now());
  if (!joined.ok()) return Refuse(request, asked->host, joined.status());
  joins_.Add({{"result", joined->repeated ? "repeated" : "joined"}}).Increment();
  LogInfo(joined->repeated ? "a host asked again for its certificate" : "a host has joined",
          {{"host", asked->host}, {"address", request.peer.address}});
  return Good({{"certificate", joined->material.chain_pem},
               {"authorities", joined->material.authorities_pem},
               {"links", joined->material.links_pem}});
}

HttpServerResponse Enrolment::Authorities(const HttpServerRequest& request) {
  if (absl::Status admitted = Admit(request); !admitted.ok()) return Refuse(request, "", admitted);
  const auto authority = CertificateAuthority::Open(options_.issuer_dir);
  if (!authority.ok()) {
    return Refuse(request, "", absl::UnavailableError(authority.status().message()));
  }
  return Good({{"authorities", authority->authorities_pem()}, {"links", authority->links_pem()}});
}

absl::StatusOr<IssuedMaterial> Enrolment::Renew(const std::string& host, const std::string& serial,
                                                const std::string& request_pem) {
  const auto ended = [&](const char* result, absl::Status status) {
    renewals_.Add({{"result", result}}).Increment();
    LogWarning("an agent's certificate was not renewed",
               {{"host", host}, {"error", std::string(status.message())}});
    return status;
  };
  if (hosts_.Take(host, options_.clock->SteadyNow()) > absl::ZeroDuration()) {
    renewals_.Add({{"result", "refused"}}).Increment();
    return absl::ResourceExhaustedError(absl::StrCat(
        "the host ", host, " renews its certificate too often; try again in a minute"));
  }
  const auto authority = CertificateAuthority::Open(options_.issuer_dir);
  absl::Status usable = authority.status();
  if (usable.ok()) {
    usable = authority->CheckNotRevoked(serial);
    if (absl::IsFailedPrecondition(usable)) {
      return ended("refused", absl::PermissionDeniedError(usable.message()));
    }
  }
  if (usable.ok()) {
    LeafRequest leaf;
    leaf.identity = {Role::kAgent, host};
    absl::StatusOr<IssuedMaterial> issued =
        authority->Sign(request_pem, leaf, options_.clock->Now());
    if (issued.ok()) {
      renewals_.Add({{"result", "renewed"}}).Increment();
      LogInfo("an agent's certificate was renewed",
              {{"host", host}, {"serial", issued->certificate.serial}});
      return issued;
    }
    if (absl::IsInvalidArgument(issued.status())) return ended("refused", issued.status());
    usable = issued.status();
  }
  ended("failed", usable).IgnoreError();
  return absl::UnavailableError(
      "the planner's issuing authority cannot be used now; the log of the planner says why");
}

}  // namespace gitops
