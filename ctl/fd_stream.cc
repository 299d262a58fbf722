#include "ctl/fd_stream.h"

#include <unistd.h>

#include <cerrno>

namespace gitops::ctl {

int FdStreamBuf::overflow(int c) {
  if (error_ != 0) return traits_type::eof();
  if (c != traits_type::eof()) pending_ += static_cast<char>(c);
  return 0;
}

std::streamsize FdStreamBuf::xsputn(const char* text, std::streamsize size) {
  if (error_ != 0) return 0;
  pending_.append(text, size);
  return size;
}

int FdStreamBuf::sync() {
  size_t written = 0;
  while (error_ == 0 && written < pending_.size()) {
    const ssize_t n = write(fd_, pending_.data() + written, pending_.size() - written);
    if (n >= 0) {
      written += n;
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  pending_.clear();
  return error_ == 0 ? 0 : -1;
}

}  // namespace gitops::ctl
