; NSIS: ask sizer after the files are there and say what it chose. sizer.exe is the frozen program beside this script.
Unicode true
Name "Example with a local model"
OutFile "example-setup.exe"
InstallDir "$LOCALAPPDATA\Example"
RequestExecutionLevel user
!include LogicLib.nsh
!define QUESTION "recommend --quiet --use-case general"

Page directory
Page instfiles

; $0: exit code of sizer, or "error" when it could not be started. nsExec shows no console.
!macro Ask WORDS FILE
  nsExec::Exec '"$SYSDIR\cmd.exe" /S /C ""$INSTDIR\sizer.exe" ${WORDS} > "$INSTDIR\${FILE}" 2> "$INSTDIR\sizer.log""'
  Pop $0
!macroend

Section
  SetOutPath "$INSTDIR"
  File "sizer.exe"
  !insertmacro Ask "${QUESTION} --json" "recommendation.json"
  StrCpy $1 $0
  ${If} $1 == 0
    !insertmacro Ask "${QUESTION} --emit env" "model.env"
    !insertmacro Ask "${QUESTION} --emit shell" "plan.ps1"
    DetailPrint "A local model was chosen; plan.ps1 sets it up."
  ${ElseIf} $1 == 3
    !insertmacro Ask "${QUESTION} --emit env" "model.env"
    DetailPrint "No local model fits this computer; a cloud provider is used instead."
  ${Else}
    ; 2: this script is wrong; 4: a file could not be read; 5: something remote was not reached; 1: a bug; 130: interrupted. Setup goes on.
    DetailPrint "No local model was chosen: sizer ended with $1, see sizer.log."
  ${EndIf}
SectionEnd
