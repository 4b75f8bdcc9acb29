"""Modules that sizer imports by name (sources, readers, commands) and the compiled tables: PyInstaller cannot see either."""  # noqa: N999  PyInstaller names it

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

hiddenimports = collect_submodules("sizer", filter=lambda name: "__pyinstaller" not in name)
datas = collect_data_files("sizer")
