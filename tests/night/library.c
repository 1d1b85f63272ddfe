/* SPDX-License-Identifier: MIT */
/* A library that does nothing, in versions that can be told apart by what a process maps. It needs
 * no other library, so that it loads on every Debian; it has code, so that it is mapped as code is.
 */

const char *night_version(void);

const char *night_version(void)
{
	return "libnight " VERSION;
}
