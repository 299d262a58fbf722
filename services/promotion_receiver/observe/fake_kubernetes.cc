#include "services/promotion_receiver/observe/fake_kubernetes.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/http/test_certificates.h"

namespace gitops {
namespace {

constexpr char kHelm[] = "/apis/helm.toolkit.fluxcd.io";

std::string StatusJson(int code, const std::string& reason) {
  return absl::StrCat(R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":")",
                      reason, R"(","reason":")", reason, R"(","code":)", code, "}");
}

std::string Version(const std::string& version) {
  return absl::StrCat(R"({"groupVersion":"helm.toolkit.fluxcd.io/)", version, R"(","version":")",
                      version, R"("})");
}

}  // namespace

struct FakeKubernetes::Certificates : TestCertificates {
  using TestCertificates::TestCertificates;
};

FakeKubernetes::FakeKubernetes(const std::string& directory)
    : certificates_(std::make_shared<Certificates>(directory)) {
  Start("");
}

void FakeKubernetes::Start(const std::string& client_ca_file) {
  server_ = RawServer::Start({.serve = [this](RawConnection& connection) { Serve(connection); },
                              .certificate_file = certificates_->server_certificate,
                              .key_file = certificates_->server_key,
                              .client_ca_file = client_ca_file});
}

void FakeKubernetes::RequireClientCertificate() { Start(ca_file()); }

std::string FakeKubernetes::url() const {
  return absl::StrCat("https://localhost:", server_->port());
}
const std::string& FakeKubernetes::ca_file() const { return certificates_->ca_file; }
const std::string& FakeKubernetes::client_certificate() const {
  return certificates_->client_certificate;
}
const std::string& FakeKubernetes::client_key() const { return certificates_->client_key; }

void FakeKubernetes::ServeHelm(const std::vector<std::string>& versions) {
  MutexLock lock(mutex_);
  std::erase_if(objects_, [](const auto& object) {
    return absl::StartsWith(object.first, kHelm) && !absl::StrContains(object.first, "namespaces");
  });
  std::vector<std::string> list;
  for (const std::string& version : versions) list.push_back(Version(version));
  if (versions.empty()) return;
  objects_[kHelm] = absl::StrCat(
      R"({"kind":"APIGroup","apiVersion":"v1","name":"helm.toolkit.fluxcd.io","versions":[)",
      absl::StrJoin(list, ","), R"(],"preferredVersion":)", list[0], "}");
  for (const std::string& version : versions) {
    objects_[absl::StrCat(kHelm, "/", version)] = R"({"kind":"APIResourceList","resources":[
      {"name":"helmreleases/status","namespaced":true,"kind":"HelmRelease","verbs":["get"]},
      {"name":"helmreleases","namespaced":true,"kind":"HelmRelease","verbs":["get"]}]})";
  }
}

void FakeKubernetes::Put(const std::string& path, const std::string& json) {
  MutexLock lock(mutex_);
  objects_[path] = json;
}

void FakeKubernetes::Remove(const std::string& path) {
  MutexLock lock(mutex_);
  objects_.erase(path);
}

void FakeKubernetes::SetToken(const std::string& token) {
  MutexLock lock(mutex_);
  token_ = token;
}

void FakeKubernetes::AnswerAll(const std::string& answer) {
  MutexLock lock(mutex_);
  answer_all_ = answer;
}

void FakeKubernetes::Hang(bool hang) {
  MutexLock lock(mutex_);
  hang_ = hang;
}

std::vector<std::string> FakeKubernetes::asked() {
  MutexLock lock(mutex_);
  return asked_;
}

bool FakeKubernetes::Serves(const std::string& path) const {
  const size_t object = path.find("/namespaces/");
  return objects_.contains(path.substr(0, object));
}

void FakeKubernetes::Serve(RawConnection& connection) {
  RawConnection::Request request;
  if (!connection.Read(request)) return;
  std::string answer;
  bool hang = false;
  {
    MutexLock lock(mutex_);
    asked_.push_back(request.target);
    hang = hang_;
    const auto object = objects_.find(request.target);
    const bool allowed =
        token_.empty() || request.headers["authorization"] == absl::StrCat("Bearer ", token_);
    if (!answer_all_.empty()) {
      answer = answer_all_;
    } else if (!allowed) {
      answer = HttpAnswer(401, StatusJson(401, "Unauthorized"));
    } else if (!Serves(request.target)) {
      answer = HttpAnswer(404, "404 page not found\n");
    } else if (object == objects_.end()) {
      answer = HttpAnswer(404, StatusJson(404, "NotFound"));
    } else {
      answer = HttpAnswer(200, object->second, "Content-Type: application/json\r\n");
    }
  }
  if (hang) {
    connection.WaitForClose(absl::Minutes(1));
  } else {
    connection.Send(answer);
  }
}

}  // namespace gitops
