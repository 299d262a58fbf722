#include "common/tls/issued.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "common/path/fd.h"
#include "common/path/read_file.h"
#include "common/path/write_all.h"

namespace gitops {
namespace {

using Json = nlohmann::ordered_json;

std::string TimeText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

// Throws what nlohmann throws.
absl::Time TimeOf(const Json& json) {
  absl::Time time;
  std::string error;
  const auto text = json.get<std::string>();
  if (absl::ParseTime(absl::RFC3339_sec, text, &time, &error)) return time;
  return absl::InfinitePast();
}

std::string IssuedLine(const IssuedCertificate& certificate) {
  return absl::StrCat(Json{{"issued", certificate.serial},
                           {"holder", certificate.holder},
                           {"issuer", certificate.issuer},
                           {"dnsNames", certificate.dns_names},
                           {"addresses", certificate.addresses},
                           {"notBefore", TimeText(certificate.not_before)},
                           {"notAfter", TimeText(certificate.not_after)}}
                          .dump(),
                      "\n");
}

std::string RevokedLine(const IssuedCertificate& certificate) {
  return absl::StrCat(Json{{"revoked", certificate.serial},
                           {"time", TimeText(*certificate.revoked)},
                           {"reason", certificate.reason}}
                          .dump(-1, ' ', false, Json::error_handler_t::replace),
                      "\n");
}

// What the lines say, read one after the other.
class Reading {
 public:
  // False: the line is damaged.
  bool Add(absl::string_view line) {
    const Json json = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) return false;
    try {
      return json.contains("issued") ? AddIssued(json) : AddRevoked(json);
    } catch (const Json::exception&) {
      return false;
    }
  }
  std::vector<IssuedCertificate> Take() { return std::move(all_); }

 private:
  bool AddIssued(const Json& json) {
    IssuedCertificate certificate{.serial = json.at("issued"),
                                  .holder = json.at("holder"),
                                  .issuer = json.at("issuer"),
                                  .dns_names = json.at("dnsNames"),
                                  .addresses = json.at("addresses"),
                                  .not_before = TimeOf(json.at("notBefore")),
                                  .not_after = TimeOf(json.at("notAfter")),
                                  .revoked = std::nullopt,
                                  .reason = ""};
    places_[certificate.serial] = all_.size();
    all_.push_back(std::move(certificate));
    return true;
  }
  bool AddRevoked(const Json& json) {
    const auto place = places_.find(json.at("revoked").get<std::string>());
    if (place == places_.end()) return false;
    all_[place->second].revoked = TimeOf(json.at("time"));
    all_[place->second].reason = json.at("reason");
    return true;
  }

  std::vector<IssuedCertificate> all_;
  std::unordered_map<std::string, size_t> places_;
};

// Where the last whole line ends. Errors by errno.
absl::StatusOr<off_t> EndOfWholeLines(int file, const std::string& path) {
  struct stat info {};
  char last = '\n';
  if (fstat(file, &info) != 0) return absl::ErrnoToStatus(errno, "cannot read " + path);
  if (info.st_size > 0 && pread(file, &last, 1, info.st_size - 1) != 1) {
    return absl::ErrnoToStatus(errno, "cannot read " + path);
  }
  if (last == '\n') return info.st_size;
  const absl::StatusOr<std::string> text = ReadToEnd(file, path);
  if (!text.ok()) return text.status();
  const size_t end = text->rfind('\n');
  return end == std::string::npos ? 0 : static_cast<off_t>(end + 1);
}

}  // namespace

absl::Status IssuedLog::AddIssued(const IssuedCertificate& certificate) const {
  return Append(IssuedLine(certificate));
}

absl::Status IssuedLog::AddRevoked(const std::vector<IssuedCertificate>& certificates) const {
  std::string lines;
  for (const IssuedCertificate& certificate : certificates) {
    lines += RevokedLine(certificate);
  }
  return Append(lines);
}

absl::Status IssuedLog::Append(const std::string& lines) const {
  const auto failed = [this](int error) {
    return absl::ErrnoToStatus(error, absl::StrCat("cannot write ", path_));
  };
  const Fd file(open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return failed(errno);
  while (flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return failed(errno);
  }
  const absl::StatusOr<off_t> end = EndOfWholeLines(file.get(), path_);
  if (!end.ok()) return end.status();
  // The rest of a line whose writer crashed.
  if (ftruncate(file.get(), *end) != 0) return failed(errno);
  if (const int error = WriteAll(file.get(), lines); error != 0) {
    // A part of a line would be dropped by the next writer; whole lines would not.
    if (ftruncate(file.get(), *end) != 0) return failed(errno);
    return failed(error);
  }
  if (fsync(file.get()) != 0) return failed(errno);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<IssuedCertificate>> IssuedLog::Read() const {
  const absl::StatusOr<std::string> text = ReadWholeFile(path_);
  if (absl::IsNotFound(text.status())) return std::vector<IssuedCertificate>();
  if (!text.ok()) return text.status();
  std::vector<absl::string_view> lines = absl::StrSplit(*text, '\n');
  lines.pop_back();  // "", or a line that is being written
  Reading reading;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (reading.Add(lines[i])) continue;
    return absl::DataLossError(absl::StrCat("cannot read ", path_, ": line ", i + 1,
                                            " is damaged; restore the file from a backup"));
  }
  return reading.Take();
}

}  // namespace gitops
