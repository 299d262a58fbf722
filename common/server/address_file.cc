#include "common/server/address_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace gitops {
namespace {

std::string Lines(const ServedAddresses& addresses) {
  std::string text;
  if (!addresses.grpc.empty()) absl::StrAppend(&text, "grpc=", addresses.grpc, "\n");
  if (!addresses.http.empty()) absl::StrAppend(&text, "http=", addresses.http, "\n");
  return text;
}

absl::Status Failed(const std::string& path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot write the address file ", path));
}

// 0, or the error.
int WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) text.remove_prefix(written);
  }
  return 0;
}

}  // namespace

absl::Status WriteAddressFile(const std::string& path, const ServedAddresses& addresses) {
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return Failed(path, errno);
  int error = WriteAll(fd, Lines(addresses));
  // Readable by others: it contains nothing that a port scan would not show.
  if (error == 0 && fchmod(fd, 0644) != 0) error = errno;
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return absl::OkStatus();
  unlink(temporary.c_str());
  return Failed(path, error);
}

}  // namespace gitops
