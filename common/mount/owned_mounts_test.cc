#include "common/mount/owned_mounts.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Fields: id parent major:minor root mountpoint options - type source options.
std::set<std::string> EntriesIn(const std::string& mountinfo, uint64_t mount,
                                const std::string& directory) {
  absl::StatusOr<MountTable> table = MountTable::Parse(mountinfo);
  EXPECT_TRUE(table.ok()) << table.status();
  return OwnedMounts::Of(*table->Find(mount), directory).EntriesIn(*table);
}

constexpr char kRootMount[] = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n";

TEST(OwnedMounts, ABindMountOfADirectoryBelowARevisionMarksTheRevision) {
  const std::string info = std::string(kRootMount) +
                           "30 20 8:1 /var/lib/g/web/aaaa/etc /etc/web rw - ext4 /dev/sda1 rw\n";
  EXPECT_THAT(EntriesIn(info, 20, "/var/lib/g/web"), ElementsAre("aaaa"));
}

TEST(OwnedMounts, TheSamePathOnAnotherFileSystemMarksNothing) {
  const std::string info =
      std::string(kRootMount) + "30 20 8:2 /var/lib/g/web/aaaa /mnt rw - ext4 /dev/sdb rw\n";
  EXPECT_THAT(EntriesIn(info, 20, "/var/lib/g/web"), IsEmpty());
}

TEST(OwnedMounts, ARootOnItsOwnFileSystemIsFoundByItsPathWithinIt) {
  const std::string info = std::string(kRootMount) +
                           "25 20 8:3 / /var/lib/g rw - ext4 /dev/sdc rw\n"
                           "30 20 8:3 /web/bbbb/conf /etc/web rw - ext4 /dev/sdc rw\n";
  EXPECT_THAT(EntriesIn(info, 25, "/var/lib/g/web"), ElementsAre("bbbb"));
}

TEST(OwnedMounts, AMountOfASubtreeOfTheFileSystemIsTakenIntoAccount) {
  const std::string info = std::string(kRootMount) +
                           "25 20 8:3 /sub /var/lib/g rw - btrfs /dev/sdc rw\n"
                           "30 20 8:3 /sub/web/cccc /etc/web rw - btrfs /dev/sdc rw\n"
                           "31 20 8:3 /web/dddd /etc/other rw - btrfs /dev/sdc rw\n";
  EXPECT_THAT(EntriesIn(info, 25, "/var/lib/g/web"), ElementsAre("cccc"));
}

TEST(OwnedMounts, EscapedNamesAndMountPointsBelowCount) {
  const std::string info = std::string(kRootMount) +
                           "30 20 8:1 /a\\040b/ee/x /etc/x rw - ext4 /dev/sda1 rw\n"
                           "31 20 0:9 / /a\\040b/ff/inner rw - tmpfs none rw\n";
  EXPECT_THAT(EntriesIn(info, 20, "/a b"), ElementsAre("ee", "ff"));
}

TEST(OwnedMounts, ASiblingWhosePathOnlyBeginsTheSameMarksNothing) {
  const std::string info =
      std::string(kRootMount) + "30 20 8:1 /var/lib/g/web2/aaaa /x rw - ext4 /dev/sda1 rw\n";
  EXPECT_THAT(EntriesIn(info, 20, "/var/lib/g/web"), IsEmpty());
}

}  // namespace
}  // namespace gitops
