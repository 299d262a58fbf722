#include "common/audit/audit_sink.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "common/clock/timestamp.h"
#include "common/json/json.h"
#include "common/path/fd.h"
#include "common/path/write_all.h"

namespace gitops {
namespace {

constexpr absl::string_view kFile = "file:";
constexpr absl::string_view kSyslog = "syslog";
constexpr char kDevLog[] = "/dev/log";

absl::Status Failed(absl::string_view what, const std::string& path, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error)));
}

absl::StatusOr<std::string> TextOf(const v1::AuditEntry& entry) {
  const absl::StatusOr<Json> json = ToJson(entry);
  if (!json.ok()) return json.status();
  return ToText(*json);
}

class FileSink final : public AuditSink {
 public:
  explicit FileSink(std::string path) : path_(std::move(path)) {}

  absl::Status Send(const v1::AuditEntry& entry) override {
    const absl::StatusOr<std::string> text = TextOf(entry);
    if (!text.ok()) return text.status();
    if (absl::Status opened = Open(); !opened.ok()) return opened;
    struct stat before {};
    if (fstat(file_.get(), &before) != 0) return Failed("read the size of", path_, errno);
    const int error = WriteAll(file_.get(), absl::StrCat(*text, "\n"));
    if (error == 0) return absl::OkStatus();
    // Not half a line, to which the next one would be added. A pipe or device cannot be cut.
    if (S_ISREG(before.st_mode) && ftruncate(file_.get(), before.st_size) != 0) file_.Close();
    return Failed("write", path_, error);
  }

 private:
  // A rotated file was renamed: the path then is another file, or none.
  absl::Status Open() {
    struct stat there {
    }, open{};
    if (file_ && stat(path_.c_str(), &there) == 0 && fstat(file_.get(), &open) == 0 &&
        there.st_ino == open.st_ino && there.st_dev == open.st_dev) {
      return absl::OkStatus();
    }
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600));
    return file_ ? absl::OkStatus() : Failed("open", path_, errno);
  }

  const std::string path_;
  Fd file_;
};

class SyslogSink final : public AuditSink {
 public:
  SyslogSink(std::string path, std::string program)
      : path_(std::move(path)), program_(std::move(program)) {
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0') host_ = name.data();
  }

  absl::Status Send(const v1::AuditEntry& entry) override {
    const absl::StatusOr<std::string> text = TextOf(entry);
    if (!text.ok()) return text.status();
    const std::string message = absl::StrCat(Header(entry), *text);
    for (const bool again : {false, true}) {
      if (absl::Status opened = Open(); !opened.ok()) return opened;
      const ssize_t sent =
          ::send(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent == static_cast<ssize_t>(message.size())) return absl::OkStatus();
      const int error = errno;
      socket_.Close();
      // The syslog was restarted, and has another socket now.
      if (!again && (error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET)) continue;
      return Failed("write to", path_, error);
    }
    return absl::OkStatus();
  }

 private:
  // <PRIORITY>1 TIME HOST PROGRAM PID KIND -, and a space.
  std::string Header(const v1::AuditEntry& entry) const {
    constexpr int kAuthpriv = 10, kWarning = 4, kNotice = 5;
    const bool refused = entry.kind() == v1::AuditEntry::KIND_REFUSED ||
                         entry.kind() == v1::AuditEntry::KIND_REFUSED_AGAIN;
    const std::string time =
        absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", FromTimestamp(entry.time()), absl::UTCTimeZone());
    return absl::StrCat("<", kAuthpriv * 8 + (refused ? kWarning : kNotice), ">1 ", time, " ",
                        host_, " ", program_, " ", getpid(), " audit - ");
  }

  absl::Status Open() {
    if (socket_) return absl::OkStatus();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) {
      return absl::UnavailableError(absl::StrCat("the path of the socket is too long: ", path_));
    }
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                             sizeof(address)) != 0) {
      return Failed("connect to", path_, errno);
    }
    socket_ = std::move(socket);
    return absl::OkStatus();
  }

  const std::string path_, program_;
  std::string host_ = "-";
  Fd socket_;
};

}  // namespace

absl::Status CheckAuditSink(const std::string& to) {
  absl::string_view path = to;
  if (to == kSyslog) return absl::OkStatus();
  if ((absl::ConsumePrefix(&path, kFile) || absl::ConsumePrefix(&path, "syslog:")) &&
      absl::StartsWith(path, "/")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", to,
                   "\" is no place for the audit: give syslog, syslog:/SOCKET or "
                   "file:/PATH, with an absolute path"));
}

absl::StatusOr<std::unique_ptr<AuditSink>> MakeAuditSink(const std::string& to,
                                                         const std::string& program) {
  if (absl::Status form = CheckAuditSink(to); !form.ok()) return form;
  absl::string_view path = to;
  if (absl::ConsumePrefix(&path, kFile)) return std::make_unique<FileSink>(std::string(path));
  path = kDevLog;
  if (to != kSyslog) path = absl::StripPrefix(to, "syslog:");
  return std::make_unique<SyslogSink>(std::string(path), program);
}

}  // namespace gitops
