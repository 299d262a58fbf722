#ifndef GITOPS_CTL_FD_STREAM_H_
#define GITOPS_CTL_FD_STREAM_H_

#include <streambuf>
#include <string>

namespace gitops::ctl {

// Writes to a file descriptor at each flush, and keeps the error of a failed write: a std::ofstream
// cannot tell a closed pipe from a full disk.
class FdStreamBuf : public std::streambuf {
 public:
  explicit FdStreamBuf(int fd) : fd_(fd) {}
  ~FdStreamBuf() override { sync(); }

  // errno of the first write that failed, or 0. Nothing is written after it.
  int error() const { return error_; }

 protected:
  int overflow(int c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  const int fd_;
  std::string pending_;
  int error_ = 0;
};

}  // namespace gitops::ctl

#endif  // GITOPS_CTL_FD_STREAM_H_
